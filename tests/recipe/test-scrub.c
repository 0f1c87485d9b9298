/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub_text(): what is cut out of each format, byte by byte, and what stays. The corpus of
 * tests/recipe/cases_secrets.py has a canary in each place of each format; this table has the
 * shapes of the text around it.
 */
#include "scrub.h"
#include "tap.h"

#include <stdlib.h>

static const struct {
    const char *path, *text, *want; /* want NULL: it stays as it is */
} cases[] = {
    /* URLs */
    {"a", "https://u:p@host/a", "https://host/a"},
    {"a", "x https://u@host y", "x https://host y"},
    {"a", "https://host/a@b", NULL},
    {"a", "ssh://git@host/a", NULL},
    {"a", "ssh://git:pw@host/a", "ssh://git@host/a"},
    {"a", "git+https://git@github.com/a/b", NULL},
    {"a", "https://${USER}@host", NULL},
    {"a", "https://${U}:${P}@host", NULL},
    {"a", "https://ci:$TOKEN@host", NULL},
    {"a", "https://ci:%TOKEN%@host", NULL},
    {"a", "https://#{ENV['T']}@host", NULL},
    {"a", "https://user:pass@host", NULL},
    {"a", "https://username:password@host/", NULL},
    {"a", "https://<user>:<password>@host/", NULL},
    {"a", "https://a:b@c@host", "https://host"},
    {"a", "https://a:b,c@host", "https://host"},
    {"a", "https://a:1,x@host", NULL}, /* a port, and then an address */
    {"a", "https://u:\\\n  p@host", "https://host"},
    {"a.json", "\"https:\\/\\/u:p1q2@host\\/a\"", "\"https:\\/\\/host\\/a\""},
    {"a", "a@b", NULL},
    {"a", "https://h/x?token=abc123def&v=1", "https://h/x?v=1"},
    {"a", "https://h/x?v=1&token=abc123def", "https://h/x?v=1"},
    {"a", "https://h/x?token=abc123def#f", "https://h/x#f"},
    {"a", "https://h/x?a=1&X-Amz-Date=1&X-Amz-Signature=00ff00ff", "https://h/x"},
    {"a", "https://h/x?token=${T}&v=1", NULL},
    {"a.xml", "<a>https://h/x?private_token=q1w2e3&amp;v=1</a>", "<a>https://h/x?v=1</a>"},
    {"environment.yml", "channels:\n- https://h/t/xy-123/c\n", "channels:\n- https://h/c\n"},
    {"a", "https://discuss.x.org/t/some-topic/123", NULL},
    {"a", "https://dl.cloudsmith.io/Ab3dEf6hIj9kLm/o/r", "https://dl.cloudsmith.io/o/r"},
    {"a", "https://dl.cloudsmith.io/public/o/r", NULL},
    {"a", "x ghp_0123456789abcdefABCDEF0123456789abcd y", "x  y"},
    {"a", "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\nb", "\nb"},
    {"a", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n", NULL},
    /* TOML */
    {"a.toml", "a = 1\ntoken = \"x\"\nb = 2\n", "a = 1\nb = 2\n"},
    {"a.toml", "t = { token = \"x\", url = \"y\" }\n", "t = { url = \"y\" }\n"},
    {"a.toml", "t = { url = \"y\", token = \"x\" }\n", "t = { url = \"y\" }\n"},
    {"a.toml", "t = { a = 1, token = \"x\", password = \"y\" }\n", "t = { a = 1 }\n"},
    {"a.toml", "t = { token = \"x\" }\n", "t = { }\n"},
    {"a.toml", "password = '''\nx\n'''\nb = 1\n", "b = 1\n"},
    {"a.toml", "[dependencies]\npassword-hash = \"0.5\"\ntoken = \"1\"\n", NULL},
    {"a.toml", "[target.'cfg(unix)'.dependencies.token]\nversion = \"1\"\n", NULL},
    {"a.toml", "[http-basic.a]\nusername = \"u\"\npassword = \"x\"\n[b]\nc = 1\n",
     "[b]\nc = 1\n"},
    {"a.toml", "[http-basic]\na = { username = \"u\", password = \"x\" }\n", ""},
    {"a.toml", "http-basic.a.password = \"x\"\nb = 1\n", "b = 1\n"},
    {"a.toml", "[env]\nTOKEN = { value = \"x\", force = true }\nA = \"b\"\n",
     "[env]\nA = \"b\"\n"},
    {"a.toml", "token = \"$TOKEN\"\n", NULL},
    {"a.toml", "max_tokens = 4096\n", NULL},
    {"a.toml", "token = x\nb = 1\n", "b = 1\n"}, /* no TOML, but a credential */
    {"a.toml", "# token = \"q1w2e3r4\"\n", "# token = \"\"\n"},
    /* JSON */
    {"a.json", "{\"token\": \"x\"}", "{}"},
    {"a.json", "{\"a\": 1, \"token\": \"x\"}", "{\"a\": 1}"},
    {"a.json", "{\"token\": \"x\", \"a\": 1}", "{\"a\": 1}"},
    {"a.json", "{\"scripts\": {\"get-token\": \"node x\"}}", NULL},
    {"a.json", "{\"dependencies\": {\"jsonwebtoken\": \"^9\"}}", NULL},
    {"a.json",
     "{\"config\": {\"http-basic\": {\"h\": {\"username\": \"u\", \"password\": \"x\"}}}}",
     "{\"config\": {}}"},
    {"a.json",
     "{\"config\": {\"http-basic\": {\"h\": {\"username\": \"u\", \"password\": \"%P%\"}}}}",
     NULL},
    {"a.json", "{\"header\": [\"API-TOKEN: q1w2e3r4\"]}", "{\"header\": [\"API-TOKEN: \"]}"},
    {"a.json", "{\"a\": [ // c\n 1, 2,],}", NULL},
    {"package-lock.json",
     "{\"packages\": {\"node_modules/auth-token\": {\"integrity\": \"a\"}}}", NULL},
    {"a.json", "{\"secret\": {\"type\": \"object\"}}", NULL},
    /* YAML */
    {"a.yml", "a: 1\ntoken: x\nb: 2\n", "a: 1\nb: 2\n"},
    {"a.yml", "token: >-\n  x\n\n  y\nb: 2\n", "b: 2\n"},
    {"a.yml", "a:\n  - token: x\n    b: 2\n", "a:\n  - b: 2\n"},
    {"a.yml", "a:\n  - b: 2\n    token: x\n  - c\n", "a:\n  - b: 2\n  - c\n"},
    {"a.yml", "a: {token: x, b: 2}\n", "a: {b: 2}\n"},
    {"a.yml", "catalog:\n  jsonwebtoken: ^9\n", NULL},
    {"a.yml", "npmAuthToken: \"${NPM_TOKEN}\"\n", NULL},
    {"a.yml", "npmAuthToken: \"${NPM_TOKEN:-}\"\n", NULL},
    {"a.yml", "npmAuthToken: \"${NPM_TOKEN:-q1w2e3r4}\"\nb: 1\n", "b: 1\n"},
    {"a.yml", "tokens:\n- x\n- y\nb: 1\n", "b: 1\n"},
    {"a.yml", "password:\n  type: string\n", NULL},
    /* XML */
    {"a.xml", "<a>\n <password>x</password>\n <b>1</b>\n</a>", "<a>\n <b>1</b>\n</a>"},
    {"a.xml", "<a><password>${env.P}</password></a>", NULL},
    {"a.xml", "<a><artifactId>jsonwebtoken</artifactId><token.version>1</token.version></a>",
     NULL},
    {"a.xml", "<a><b password='x1y2z3w4' c='1'/></a>", "<a><b password='' c='1'/></a>"},
    {"nuget.config",
     "<c><packageSourceCredentials><s><add key='Username' value='u'/><add "
     "key='ClearTextPassword' value='x'/></s></packageSourceCredentials></c>",
     "<c></c>"},
    {"nuget.config",
     "<c><packageSourceCredentials><s><add key='Username' value='u'/><add "
     "key='ClearTextPassword' value='%P%'/></s></packageSourceCredentials></c>",
     NULL},
    {"settings.xml",
     "<s><servers><server><id>a</id><password>x</password></server></servers></s>",
     "<s><servers></servers></s>"},
    {"a.xml", "<!-- <password>x</password> --><a/>", NULL},
    /* settings, one a line */
    /* A letter that is not UTF-8. */
    {".npmrc", "; caf\xe9\n_auth=abc\n", "; caf\xe9\n"},
    {".npmrc", "a=1\n//h/:_authToken=x\nb=2\n", "a=1\nb=2\n"},
    {".npmrc", "//h/:_authToken=${T}\n", NULL},
    {".npmrc", "proxy=u:p1@h:3128\n", "proxy=h:3128\n"},
    {".yarnrc", "\"//h/:_authToken\" \"x\"\nregistry \"https://h/\"\n",
     "registry \"https://h/\"\n"},
    {"gradle.properties", "repoPass\\\n  word=x\nb=2\n", "b=2\n"},
    {"gradle.properties", "org.gradle.jvmargs=-Xmx1g -Dtoken=q1w2 -Da=b\n",
     "org.gradle.jvmargs=-Xmx1g -Da=b\n"},
    /* arguments */
    {".mvn/maven.config", "-T1C\n-Dtoken=q1w2\n-B\n", "-T1C\n-B\n"},
    {".mvn/maven.config", "-T1C -Dtoken=q1w2 -B\n", "-T1C -B\n"},
    {".mvn/maven.config", "-Dtoken=${env.T}\n", NULL},
    {"requirements.txt", "token-bucket==0.2\npassword==1.0\n", NULL},
    {"requirements.txt", "--proxy u:q1w2e3@h:3128\n", "--proxy h:3128\n"},
    /* programs */
    {"a.gradle", "password = \"q1w2e3r4\"\n", "password = \"\"\n"},
    {"a.gradle", "password \"q1w2e3r4\"\n", "password \"\"\n"},
    {"a.gradle.kts", "password.set(\"q1w2e3r4\")\n", "password.set(\"\")\n"},
    {"a.gradle", "password = System.getenv(\"P\")\n", NULL},
    {"a.gradle", "password = System.getenv(\"P\") ?: \"q1w2e3r4\"\n",
     "password = System.getenv(\"P\") ?: \"\"\n"},
    {"a.gradle", "setPassword('q1w2e3r4')\n", "setPassword('')\n"},
    {"a.gradle", "x = findProperty('repoPassword')\n", NULL},
    {"a.gradle", "name = 'Private-Token'\nvalue = 'q1w2e3r4'\n",
     "name = 'Private-Token'\nvalue = ''\n"},
    {"mix.exs", "auth_key: \"q1w2e3r4\",\n", "auth_key: \"\",\n"},
    {"Gemfile", "ENV.fetch(\"TOKEN\", \"q1w2e3r4\")\n", "ENV.fetch(\"TOKEN\", \"\")\n"},
    {"Gemfile", "ENV[\"GEM_TOKEN\"] = 'q1w2e3r4'\n", "ENV[\"GEM_TOKEN\"] = ''\n"},
    {"a.js", "createToken('A', '[0-9]+'); t = {token: \"error\"}\n", NULL},
    {"a.js", "E.token => \"an invalid token, 12\"\n", NULL},
    {"a.js", "token = lexer.next()\nif (token === 'ab') {}\n", NULL},
    {"a.js", "h = {'Authorization': 'Bearer q1w2e3r4'}\n", "h = {'Authorization': ''}\n"},
    {"a.js", "h = 'Authorization: Bearer q1w2e3r4'\n", "h = 'Authorization: Bearer '\n"},
    {"a.sh", "export TOKEN=q1w2e3r4\nnpm ci\n", "export TOKEN=\nnpm ci\n"},
    {"a.sh", "curl -u me:q1w2e3r4 https://h/\n", "curl -u  https://h/\n"},
    {"a.sh", "docker run -u 1000:1000 x\n", NULL},
    {"a.sh", "echo 'usage: a --token TOKEN user:pass@host'\n", NULL},
    {"a.sh", "x --token q1w2e3r4 y\n", "x y\n"},
    {"a.sh", "TOKEN=$(cat f)\nTOKEN=\"$1\"\n", NULL},
    {"a.patch", " password = 'q1w2e3r4'\n+token = 'q1w2e3r4'\n",
     " password = 'q1w2e3r4'\n+token = ''\n"},
    /* an environment */
    {".env", "# c\nA=1\nB=$C\nD=\n", "B=$C\nD=\n"},
    {".env.example", "A=1\n", NULL},
};

static void test_cases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_arena struct arena arena = {0};
        struct bytes text = bytes_of(cases[i].text), path = bytes_of(cases[i].path);
        struct bytes want = cases[i].want ? bytes_of(cases[i].want) : text;
        tap_case("%s: %s", cases[i].path, QUOTE(text));
        struct scrubbed clean = scrub_text(&arena, path, text);
        TAP_EQUAL(clean.text, want);
        TAP_CHECK((clean.n > 0) == (cases[i].want != NULL));
        struct scrubbed again = scrub_text(&arena, path, clean.text);
        TAP_CHECKF(again.n == 0 && bytes_equal(again.text, clean.text),
                   "a second scrub finds more");
    }
}

int main(void)
{
    test_cases();
    tap_case("a file that is a credential is left out, whatever it contains");
    cleanup_arena struct arena arena = {0};
    static const char *const files[] = {".netrc",
                                        "a/.pypirc",
                                        "id_rsa",
                                        "x.p12",
                                        "auth.json",
                                        ".docker/config.json",
                                        ".mvn/settings-security.xml",
                                        ".mvn/.develocity/keys.properties"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        TAP_CHECKF(scrub_text(&arena, bytes_of(files[i]), BYTES("\0x")).all, "%s", files[i]);
    tap_case("binary contents stay");
    TAP_CHECK(scrub_text(&arena, BYTES("a.jar"), BYTES("\0token=\"q1w2e3\"")).n == 0);
    tap_case("the line of a finding is counted, over CR LF and LF");
    struct scrubbed clean =
        scrub_text(&arena, BYTES("a.toml"), BYTES("\r\na=1\r\n\ntoken='x'\n"));
    TAP_CHECK(clean.n == 1 && clean.found[0].line == 4);
    TAP_EQUAL(clean.found[0].what, BYTES("token"));
    return tap_end();
}
