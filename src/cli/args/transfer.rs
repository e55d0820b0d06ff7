//! `hlx push`, `hlx fetch`, `hlx pull` and `hlx clone`.

use std::path::PathBuf;

use clap::Args;

/// Send versions to a remote
#[derive(Args)]
#[command(after_help = "Examples:
  hlx push                       all versions that the remote lacks, with tags, runs and notes
  hlx push origin leases@1.2.0   one version and its ancestors
  hlx push --dry-run             what would be sent

Only data that the remote lacks is sent. An interrupted push goes on where it ended when it is repeated, and nothing
incomplete can be seen on the remote. A version whose number is taken on the remote is not sent.")]
pub(crate) struct PushArgs {
    /// Remote, datasets and versions [default: the only remote or origin, all versions]
    #[arg(value_name = "REMOTE|NAME[@REV]")]
    pub(crate) names: Vec<String>,
    /// Only print what would be sent
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Push to a server that overwrites files; safe only without other writers
    #[arg(long)]
    pub(crate) single_writer: bool,
}

/// Receive versions from a remote, without changing the workspace
#[derive(Args)]
#[command(after_help = "Examples:
  hlx fetch                      all versions that this repository lacks, with tags, runs and notes
  hlx fetch origin leases@1.2.0  one version")]
pub(crate) struct FetchArgs {
    /// Remote, datasets and versions [default: the only remote or origin, all versions]
    #[arg(value_name = "REMOTE|NAME[@REV]")]
    pub(crate) names: Vec<String>,
    /// Only print what would be received
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// Receive versions from a remote and check them out
#[derive(Args)]
#[command(after_help = "Examples:
  hlx pull                                     the versions that helox.lock pins, after git pull or git clone
  hlx pull leases@1.2.0                        this version
  hlx pull leases@production --into train --include 'train/**'
                                               a part of it, into a folder outside of the workspace

Only data that this machine lacks is received.")]
pub(crate) struct PullArgs {
    /// Remote, datasets and versions [default: the only remote or origin, the versions in helox.lock]
    #[arg(value_name = "REMOTE|NAME[@REV]")]
    pub(crate) names: Vec<String>,
    /// Create this folder instead of changing the workspace
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Only files that match; can be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// Not files that match; can be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Replace and delete uncommitted work
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Only print what would be received
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// Create a repository, or a folder with one version, from a remote
#[derive(Args)]
#[command(after_help = "Examples:
  hlx clone s3://datasets/leases leases        a repository with all versions
  hlx clone s3://datasets/leases train leases@1.2.0 --include 'train/**'
                                               the files of one version, for a training job

With a version the folder does not become a repository: it has the files, and .hlx.json with the version. Data that another
job of this machine received is taken from the cache in HLX_CACHE.")]
pub(crate) struct CloneArgs {
    /// URL of the remote, or the path of a folder
    pub(crate) url: String,
    /// Folder to create
    pub(crate) dir: PathBuf,
    /// Version to put there instead of a repository
    #[arg(value_name = "NAME[@REV]")]
    pub(crate) version: Option<String>,
    /// Only files that match; can be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// Not files that match; can be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// URL of the service, if it is not the one of Amazon, Google or Microsoft
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Region of the bucket
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Profile of the AWS files that has the credentials
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Do not sign requests, for a public bucket
    #[arg(long)]
    pub(crate) anonymous: bool,
    /// Folder of the cache [default: a folder of the user]
    #[arg(long, value_name = "DIR", env = "HLX_CACHE", hide_env_values = true)]
    pub(crate) cache: Option<PathBuf>,
}
