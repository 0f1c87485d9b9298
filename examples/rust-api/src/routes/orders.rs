use std::io::Read;

use serde_json::json;

use super::Answer;
use crate::store::{Order, Store};

const MAX_BODY: u64 = 64 * 1024;

pub fn list(store: &Store) -> Answer {
    Answer { status: 200, body: json!(store.all()) }
}

pub fn show(id: &str, store: &Store) -> Answer {
    match id.parse().ok().and_then(|id| store.get(id)) {
        Some(order) => Answer { status: 200, body: json!(order) },
        None => Answer { status: 404, body: json!({ "error": "no such order" }) },
    }
}

pub fn create(body: &mut dyn Read, store: &Store) -> Answer {
    match serde_json::from_reader::<_, Order>(body.take(MAX_BODY)) {
        Err(why) => Answer { status: 400, body: json!({ "error": why.to_string() }) },
        Ok(order) => match store.add(order) {
            Some(id) => Answer { status: 201, body: json!({ "id": id }) },
            None => Answer { status: 507, body: json!({ "error": "the store is full" }) },
        },
    }
}
