//! What a checkpoint's header says besides the tensors.
//!
//! The format has room for a map from text to text. One entry of it is used: [`KEY`], whose value is a JSON
//! object. Several entries would be written in an order that differs from run to run.

use super::{LoadError, TrainingState};
use crate::train::{BatchSums, Position};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The entry's name.
const KEY: &str = "nn";
/// The only version so far.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    training: Option<Training>,
    metadata: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Training {
    seed: u64,
    epoch: u64,
    batch: u64,
    /// As text: shortest digits that give the same bits, whatever a JSON reader does to numbers.
    objective: String,
    loss: String,
    errors: String,
}

/// The header's map.
pub fn encode(
    training: Option<&TrainingState>,
    metadata: &BTreeMap<String, String>,
) -> HashMap<String, String> {
    let training = training.map(|&TrainingState { seed, position: Position { epoch, batch, measured } }| {
        let BatchSums { objective, loss, errors } = measured;
        let [objective, loss, errors] = [objective, loss, errors].map(|sum| sum.to_string());
        Training { seed, epoch, batch, objective, loss, errors }
    });
    let header = Header { version: VERSION, training, metadata: metadata.clone() };
    let text = serde_json::to_string(&header).expect("text and integers have a JSON form");
    HashMap::from([(KEY.to_string(), text)])
}

/// What a header's map says; nothing, if it is another program's.
pub fn decode(
    map: Option<&HashMap<String, String>>,
) -> Result<(Option<TrainingState>, BTreeMap<String, String>), LoadError> {
    let unreadable = |reason: String| LoadError::Header { reason };
    let Some(map) = map else { return Ok((None, BTreeMap::new())) };
    let Some(text) = map.get(KEY) else {
        return Ok((None, map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()));
    };
    let header: Header = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    if header.version != VERSION {
        return Err(unreadable(format!("it is of version {}, this is version {VERSION}", header.version)));
    }
    let sum = |name: &str, text: &str| {
        let parsed = text.parse::<f64>().ok().filter(|sum| sum.is_finite());
        parsed.ok_or_else(|| unreadable(format!("the {name} {text:?} is no finite number")))
    };
    let state = |training: Training| {
        let Training { seed, epoch, batch, objective, loss, errors } = training;
        let measured = BatchSums {
            objective: sum("objective", &objective)?,
            loss: sum("loss", &loss)?,
            errors: sum("number of errors", &errors)?,
        };
        Ok(TrainingState { seed, position: Position { epoch, batch, measured } })
    };
    Ok((header.training.map(state).transpose()?, header.metadata))
}
