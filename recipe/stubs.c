/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stubs. Raise RECIPE_STUBSET when a text changes, because a digest covers only the kind.
 *
 * The doc comment and the allow attribute satisfy -Dwarnings, -Dmissing_docs and
 * -Dunused_crate_dependencies in a user's RUSTFLAGS. Allowing all warnings instead would be an
 * error with -Fwarnings.
 */
#include "stubs.h"

#define HEAD "//! stub\n#![allow(unused_crate_dependencies)]\n"
#define PANIC "#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! {\n    loop {}\n}\n"

static const struct {
    const char *kind, *text, *no_std;
} stubs[] = {
    {"rust-lib", HEAD, "#![no_std]\n"},
    {"rust-proc-macro", HEAD, HEAD},
    {"rust-bin", HEAD "fn main() {}\n", "#![no_std]\n#![no_main]\n" PANIC},
    {"rust-build", HEAD "fn main() {}\n", HEAD "fn main() {}\n"},
    {"rust-test", HEAD,
     "#![no_std]\n#![no_main]\n#![feature(custom_test_frameworks)]\n"
     "#![test_runner(test_runner)]\n#[no_mangle]\npub extern \"C\" fn _init() {}\n"
     "fn test_runner(_: &[&dyn Fn()]) {}\n" PANIC},
};

struct bytes stub_text(struct bytes kind, bool no_std)
{
    for (size_t i = 0; i < ARRAY_SIZE(stubs); i++)
        if (bytes_equal(kind, bytes_of(stubs[i].kind)))
            return bytes_of(no_std ? stubs[i].no_std : stubs[i].text);
    return (struct bytes){NULL, 0};
}
