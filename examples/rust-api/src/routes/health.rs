use super::Answer;
use crate::store::Store;

pub fn show(store: &Store) -> Answer {
    let body = serde_json::json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "orders": store.all().len(),
    });
    Answer { status: 200, body }
}
