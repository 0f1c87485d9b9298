//! Which path answers what.

mod health;
mod orders;

use std::io;

use tiny_http::{Header, Method, Request, Response, StatusCode};

use crate::store::Store;

pub struct Answer {
    pub status: u16,
    pub body: serde_json::Value,
}

pub fn answer(mut request: Request, store: &Store) -> io::Result<()> {
    let path = request.url().split('?').next().unwrap_or("/").to_string();
    let answer = match (request.method(), path.as_str()) {
        (Method::Get, "/health") => health::show(store),
        (Method::Get, "/orders") => orders::list(store),
        (Method::Post, "/orders") => orders::create(request.as_reader(), store),
        (Method::Get, path) if path.starts_with("/orders/") => orders::show(&path[8..], store),
        _ => Answer { status: 404, body: serde_json::json!({ "error": "no such path" }) },
    };
    let json = Header::from_bytes("Content-Type", "application/json").expect("a valid header");
    request.respond(
        Response::from_string(answer.body.to_string())
            .with_status_code(StatusCode(answer.status))
            .with_header(json),
    )
}
