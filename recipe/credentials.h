/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a credential: the one list of names, words, files and shapes that all formats share.
 * The scrubbers (scrub.h) know how a format is written; they ask here what may stay.
 *
 *     credential_key(BYTES("//npm.corp/:_authToken"), false)      true
 *     credential_literal(BYTES("${NPM_TOKEN}"))                   false: a variable, it stays
 *
 * Sources: the documentation of each tool, as docs/recipes.md lists them by format.
 *
 * Thread: any.
 */
#ifndef CTXD_CREDENTIALS_H
#define CTXD_CREDENTIALS_H

#include "base.h"

/*
 * Tells whether a key names a credential: its last word does ("auth_token", "repoPassword",
 * "CARGO_REGISTRIES_X_TOKEN"). `broad`: a word anywhere in it does ("tokenOfGithub"), for files
 * in which nothing else has such a name.
 */
bool credential_key(struct bytes key, bool broad);
/* Tells whether everything below a key is a login: composer's http-basic, NuGet's
 * packageSourceCredentials. */
bool credential_holder(struct bytes key);
/* Tells whether a key is the name of a login, which is no credential by itself. */
bool credential_user(struct bytes key);
/* Tells whether the keys below a key are names of packages, versions or scripts. */
bool credential_packages(struct bytes key);

/* Tells whether a value is written out. Empty texts, true, false, null, and references to
 * variables (${X}, $X, %X%, {{ x }}, #{x}, @X@, <X>) are not. */
bool credential_literal(struct bytes value);
/* The same for prose and programs: a placeholder ("password", "YOUR_TOKEN", "xxx") is no
 * literal, and neither is a short number. */
bool credential_real(struct bytes value);
/* The same for the string that a program gives to a name: one of a token is long or has digits,
 * while "error" is the kind of a token, and a sentence is a message. */
bool credential_value(struct bytes key, struct bytes value);
/* Tells whether a word looks like a credential and not like a word: 8 bytes, one of them a
 * digit. */
bool credential_looks_random(struct bytes value);

/* The length of the token that a text begins with, if it has the shape that a well-known
 * service gives its tokens; the length of a private key in PEM; else 0. */
size_t credential_shape(struct bytes text);

enum credential_file {
    FILE_PLAIN,
    FILE_SETTINGS, /* variables of an environment: every value is a credential */
    FILE_SECRET,   /* a login or key and nothing else: it is left out */
};
/* What a path says of a file. */
enum credential_file credential_file(struct bytes path);

#endif
