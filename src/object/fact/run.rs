//! Training runs as facts hold them: what was trained on a version, with what parameters, and what came of it.
//!
//! Names are ascending and none comes twice, so that the same run has one form only.

use crate::clock::Time;
use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::id::{Content, Id};
use crate::limits;

/// A number that a run came to: finite. Two are equal when their bits are.
#[derive(Clone, Copy, Debug)]
pub struct Metric(f64);

impl Metric {
    /// Creates a metric of this value; `None` unless it is finite.
    pub fn new(value: f64) -> Option<Metric> {
        value.is_finite().then_some(Metric(value))
    }

    /// Returns the value.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Metric) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}
impl Eq for Metric {}

/// A file that a run made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its path as the user named it.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// The hash of the file, as `b3sum` prints it.
    pub content: Id<Content>,
}

/// A training run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The model that was trained.
    pub model: String,
    /// The start of the run, where it is known.
    pub started: Option<Time>,
    /// The end of the run, where it is known.
    pub ended: Option<Time>,
    /// Parameters by name.
    pub params: Vec<(String, String)>,
    /// Metrics by name.
    pub metrics: Vec<(String, Metric)>,
    /// Artifacts by path.
    pub artifacts: Vec<Artifact>,
}

impl Run {
    /// Fails unless a fact can hold it: names in order, none twice, nothing longer than it may be.
    pub fn check(&self) -> Result<(), Malformed> {
        let params = self.params.iter().map(|(name, value)| (name.as_str(), value.len()));
        let metrics = self.metrics.iter().map(|(name, _)| (name.as_str(), 0));
        if self.model.is_empty() || self.model.len() > limits::RUN_NAME {
            return Err(Malformed("the name of a model must have 1 to 256 bytes"));
        }
        if params.clone().chain(metrics.clone()).any(|(name, _)| name.is_empty() || name.len() > limits::RUN_NAME) {
            return Err(Malformed("the name of a parameter or metric must have 1 to 256 bytes"));
        }
        if params.clone().any(|(_, len)| len > limits::RUN_VALUE) {
            return Err(Malformed("the value of a parameter has more than 4,096 bytes"));
        }
        if self.artifacts.iter().any(|artifact| artifact.path.is_empty() || artifact.path.len() > limits::RUN_VALUE) {
            return Err(Malformed("the path of an artifact must have 1 to 4,096 bytes"));
        }
        if [self.params.len(), self.metrics.len(), self.artifacts.len()].iter().any(|&count| count > limits::RUN_ITEMS) {
            return Err(Malformed("the run has more than 1,000 parameters, metrics or artifacts"));
        }
        let texts = params.clone().chain(metrics.clone()).map(|(name, value)| name.len() + value);
        let bytes: usize = texts.chain(self.artifacts.iter().map(|artifact| artifact.path.len())).sum();
        if bytes > limits::RUN {
            return Err(Malformed("the names, values and paths of the run have more than 2,097,152 bytes together"));
        }
        let ascend = params.is_sorted_by(|a, b| a.0 < b.0) && metrics.is_sorted_by(|a, b| a.0 < b.0);
        if !ascend || !self.artifacts.is_sorted_by(|a, b| a.path < b.path) {
            return Err(Malformed("the parameters, metrics or artifacts of the run are out of order or duplicated"));
        }
        Ok(())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.put_bytes(self.model.as_bytes());
        for moment in [self.started, self.ended] {
            out.push(u8::from(moment.is_some()));
            if let Some(moment) = moment {
                out.put_u64(moment.as_millis() as u64);
            }
        }
        out.put_varint(self.params.len() as u64);
        for (name, value) in &self.params {
            out.put_bytes(name.as_bytes());
            out.put_bytes(value.as_bytes());
        }
        out.put_varint(self.metrics.len() as u64);
        for (name, value) in &self.metrics {
            out.put_bytes(name.as_bytes());
            out.put_u64(value.0.to_bits());
        }
        out.put_varint(self.artifacts.len() as u64);
        for artifact in &self.artifacts {
            out.put_bytes(artifact.path.as_bytes());
            out.put_varint(artifact.size);
            out.extend_from_slice(artifact.content.as_bytes());
        }
    }

    pub(super) fn decode(reader: &mut ByteReader<'_>) -> Result<Run, Malformed> {
        let model = reader.text()?.to_owned();
        let (started, ended) = (moment(reader)?, moment(reader)?);
        let count = reader.count(2)?;
        let params = (0..count).map(|_| Ok((reader.text()?.to_owned(), reader.text()?.to_owned()))).collect::<Result<_, _>>()?;
        let count = reader.count(9)?;
        let metrics = (0..count)
            .map(|_| {
                let (name, value) = (reader.text()?.to_owned(), f64::from_bits(reader.u64()?));
                Ok((name, Metric::new(value).ok_or(Malformed("a metric is not a finite number"))?))
            })
            .collect::<Result<_, _>>()?;
        let count = reader.count(34)?;
        let artifacts = (0..count)
            .map(|_| {
                Ok(Artifact { path: reader.text()?.to_owned(), size: reader.varint()?, content: Id::from_bytes(reader.array()?) })
            })
            .collect::<Result<_, _>>()?;
        let run = Run { model, started, ended, params, metrics, artifacts };
        run.check()?;
        Ok(run)
    }
}

fn moment(reader: &mut ByteReader<'_>) -> Result<Option<Time>, Malformed> {
    match reader.u8()? {
        0 => Ok(None),
        1 => Ok(Some(Time::from_millis(reader.u64()? as i64))),
        _ => Err(Malformed("invalid flag of a time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bare() -> Run {
        Run { model: "m".into(), started: None, ended: None, params: vec![], metrics: vec![], artifacts: vec![] }
    }

    fn read(run: &Run) -> Result<Run, Malformed> {
        let mut out = Vec::new();
        run.encode(&mut out);
        Run::decode(&mut ByteReader::new(&out))
    }

    fn runs() -> impl Strategy<Value = Run> {
        let name = "[a-zé/.]{1,8}";
        let params = prop::collection::btree_map(name, ".{0,20}", 0..5);
        let finite = prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL;
        let metrics = prop::collection::btree_map(name, finite, 0..5);
        let artifacts = prop::collection::btree_map(name, (any::<u64>(), any::<[u8; 32]>()), 0..5);
        let moment = || prop::option::of(any::<i64>().prop_map(Time::from_millis));
        (".{1,20}", moment(), moment(), params, metrics, artifacts).prop_map(
            |(model, started, ended, params, metrics, artifacts)| {
                let artifact = |(path, (size, id))| Artifact { path, size, content: Id::from_bytes(id) };
                Run {
                    model,
                    started,
                    ended,
                    params: params.into_iter().collect(),
                    metrics: metrics.into_iter().map(|(name, value)| (name, Metric(value))).collect(),
                    artifacts: artifacts.into_iter().map(artifact).collect(),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn any_run_comes_back(run in runs()) {
            prop_assert_eq!(read(&run), Ok(run));
        }
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let param = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let artifact = |path: &str| Artifact { path: path.into(), size: 0, content: Id::of(b"") };
        assert_eq!(read(&bare()), Ok(bare()));
        for bad in [
            Run { model: String::new(), ..bare() },
            Run { model: "m".repeat(257), ..bare() },
            Run { params: vec![param("b", ""), param("a", "")], ..bare() },
            Run { params: vec![param("a", ""), param("a", "1")], ..bare() },
            Run { params: vec![param("", "")], ..bare() },
            Run { params: vec![param(&"n".repeat(257), "")], ..bare() },
            Run { params: vec![param("a", &"v".repeat(4_097))], ..bare() },
            Run { params: (0..1_001).map(|n| param(&format!("{n:04}"), "")).collect(), ..bare() },
            Run { metrics: vec![("b".into(), Metric(1.0)), ("a".into(), Metric(1.0))], ..bare() },
            Run { metrics: vec![("a".into(), Metric(f64::NAN))], ..bare() },
            Run { metrics: vec![("a".into(), Metric(f64::INFINITY))], ..bare() },
            Run { artifacts: vec![artifact("a"), artifact("a")], ..bare() },
            Run { artifacts: vec![artifact("")], ..bare() },
        ] {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_metric_is_a_finite_number() {
        assert_eq!(Metric::new(0.31).map(Metric::value), Some(0.31));
        assert!(Metric::new(f64::NAN).is_none() && Metric::new(f64::NEG_INFINITY).is_none());
    }
}
