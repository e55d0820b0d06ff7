//! `hlx remote`.

use clap::{Args, Subcommand};

/// Add, remove and list remotes: places to share versions, such as a bucket or a folder
#[derive(Subcommand)]
pub(crate) enum RemoteCommand {
    /// Add a remote to helox.toml, after trying it
    #[command(after_help = "Examples:
  hlx remote add origin s3://datasets/leases
  hlx remote add origin s3://datasets/leases --endpoint http://127.0.0.1:9000
  hlx remote add backup /mnt/backup/leases

Credentials are read from the environment (AWS_ACCESS_KEY_ID and so on) and from the files in ~/.aws,
and are never written to a file of the repository.")]
    Add(RemoteAddArgs),
    /// Remove a remote from helox.toml; what it has is kept
    #[command(after_help = "Example:\n  hlx remote rm backup")]
    Rm {
        /// Name of the remote
        name: String,
    },
    /// List the remotes
    #[command(alias = "ls")]
    List,
}

#[derive(Args)]
pub(crate) struct RemoteAddArgs {
    /// Name of the remote, such as origin
    pub(crate) name: String,
    /// s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, https://HOST/PATH (to read only) or a folder
    pub(crate) url: String,
    /// URL of the service, where it is not the one of Amazon, Google or Microsoft
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Region of the bucket [default: AWS_REGION, then the profile's]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS files with the credentials [default: AWS_PROFILE]
    #[arg(long, value_name = "PROFILE", conflicts_with = "anonymous")]
    pub(crate) profile: Option<String>,
    /// Do not sign requests, for a public bucket
    #[arg(long)]
    pub(crate) anonymous: bool,
    /// Put the bucket in the path of a request (true) or in the name of the host (false) [default: true with --endpoint]
    #[arg(long, value_name = "BOOL")]
    pub(crate) path_style: Option<bool>,
    /// Do not try the remote
    #[arg(long)]
    pub(crate) no_probe: bool,
}
