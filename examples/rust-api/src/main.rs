//! A small orders service: a JSON API over an in-memory store.

mod config;
mod routes;
mod store;

use std::sync::Arc;

use crate::config::Config;
use crate::store::Store;

fn main() {
    let config = match Config::load() {
        Ok(config) => config,
        Err(why) => {
            eprintln!("orders-api: {why}");
            std::process::exit(2);
        }
    };
    if std::env::args().nth(1).as_deref() == Some("check-config") {
        println!("{config:#?}");
        return;
    }

    let server = match tiny_http::Server::http(config.listen.as_str()) {
        Ok(server) => Arc::new(server),
        Err(why) => {
            eprintln!("orders-api: cannot listen on {}: {why}", config.listen);
            std::process::exit(1);
        }
    };
    let store = Arc::new(Store::with_limit(config.max_orders));
    println!("listening on {} ({})", config.listen, config.environment);

    let workers: Vec<_> = (0..config.workers)
        .map(|_| {
            let server = Arc::clone(&server);
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    if let Err(why) = routes::answer(request, &store) {
                        log::warn!("client went away: {why}");
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        let _ = worker.join();
    }
}
