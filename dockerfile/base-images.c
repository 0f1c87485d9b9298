/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the images that stages begin with. An image can contain ONBUILD triggers,
 * which read the context of each build that begins with the image, and variables, which COPY
 * expands.
 *
 *     scratch              no triggers, no variables
 *     config given         both are known
 *     official, trusted    no triggers, by promise; variables unknown
 *     any other            may read everything
 *
 * An official image is one of Docker's own list, not any name without a slash: `docker build -t
 * base` makes such a name too. Official images with triggers all have `onbuild` in their tag.
 */
#include "base-images.h"
#include "analysis.h"

/* Docker Official Images, sorted. An image that is missing here is treated as any other: the
 * client asks for its config, or everything is read. */
static const char official[] =
    " adminer adoptopenjdk aerospike almalinux alpine alt amazoncorretto amazonlinux"
    " api-firewall arangodb archlinux backdrop bash bonita buildpack-deps busybox caddy"
    " cassandra centos chronograf"
    " cirros clearlinux clefos clickhouse clojure composer consul convertigo couchbase couchdb"
    " crate dart debian docker drupal eclipse-mosquitto eclipse-temurin eggdrop elasticsearch"
    " elixir emqx erlang express-gateway fedora flink fluentd friendica gazebo gcc geonetwork"
    " ghost golang gradle groovy haproxy haskell haxe hello-world hitch httpd hylang"
    " ibm-semeru-runtimes ibmjava influxdb irssi java jetty jobber joomla jruby julia kapacitor"
    " kibana known kong krakend lightstreamer liquibase logstash mageia mariadb matomo maven"
    " mediawiki memcached mongo mongo-express monica mono mysql nats nats-streaming neo4j"
    " neurodebian nextcloud nginx node notary nuxeo odoo open-liberty openjdk opensuse"
    " oraclelinux orientdb percona perl photon php php-zendserver phpmyadmin plone postfixadmin"
    " postgres pypy python r-base rabbitmq rakudo-star redis redmine registry rethinkdb"
    " rocket.chat rockylinux ros ruby rust sapmachine satosa silverpeas sl solr sonarqube"
    " sourcemage spark spiped storm swarm swift swipl teamspeak telegraf thrift tomcat tomee"
    " traefik ubuntu unit valkey varnish vault websphere-liberty wordpress xwiki yourls znc"
    " zookeeper ";

/* Splits name[:tag][@digest]. A colon before a slash belongs to the port of a registry. */
static void base_image_split(struct bytes image, struct bytes *ret_name, struct bytes *ret_tag)
{
    struct bytes name = bytes_head(image, bytes_find(image, '@'));
    size_t slash = bytes_find_last(name, '/');
    size_t from = slash == name.len ? 0 : slash + 1;
    size_t colon = from + bytes_find(bytes_from(name, from), ':');
    *ret_name = bytes_head(name, colon);
    *ret_tag = bytes_from(name, colon + 1);
}

/* Strips the prefix of Docker's own library off a name. False: the image is not in it. */
static bool base_image_strip_library(struct bytes *name)
{
    static const char *const prefixes[] = {"docker.io/library/", "index.docker.io/library/",
                                           "library/"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (bytes_starts(*name, bytes_of(prefixes[i]))) {
            *name = bytes_from(*name, strlen(prefixes[i]));
            return bytes_find(*name, '/') == name->len;
        }
    return false;
}

static bool base_image_is_official(struct bytes name)
{
    if (base_image_strip_library(&name))
        return name.len > 0;
    if (bytes_starts(name, BYTES("docker.io/")))
        name = bytes_from(name, strlen("docker.io/"));
    char word[64];
    if (name.len == 0 || name.len > sizeof(word) - 3 || bytes_find(name, ' ') < name.len)
        return false;
    word[0] = ' ';
    memcpy(word + 1, name.at, name.len);
    word[1 + name.len] = ' ';
    word[2 + name.len] = '\0';
    return strstr(official, word);
}

static bool base_image_tag_has_onbuild(struct bytes tag)
{
    struct bytes word = BYTES("onbuild");
    for (; tag.len >= word.len; tag = bytes_from(tag, 1))
        if (bytes_equal_nocase(bytes_head(tag, word.len), word))
            return true;
    return false;
}

static bool base_image_is_trusted(const struct df_request *request, struct bytes image,
                                  struct bytes name)
{
    struct bytes library = name;
    bool in_library = base_image_strip_library(&library);
    for (size_t i = 0; i < request->n_trusted; i++) {
        struct bytes glob = request->trusted[i];
        if (glob_match(glob, image) || glob_match(glob, name) ||
            (in_library && glob_match(glob, library)))
            return true;
    }
    return false;
}

/* Tells whether a glob trusts every tag of the name. */
static bool base_image_trusts_all_tags(const struct df_request *request, struct bytes name)
{
    if (base_image_is_trusted(request, name, name))
        return true;
    for (size_t i = 0; i < request->n_trusted; i++) {
        struct bytes glob = request->trusted[i];
        if (bytes_ends(glob, BYTES(":*")) && glob_match(bytes_head(glob, glob.len - 2), name))
            return true;
    }
    return false;
}

bool df_base_name(const struct stage *stage, struct bytes *ret)
{
    struct bytes tag;
    base_image_split(stage->image, ret, &tag);
    return !stage->image_unknown || ret->len < stage->image.len;
}

bool df_base_is_official(const struct stage *stage)
{
    struct bytes name;
    return df_base_name(stage, &name) && base_image_is_official(name);
}

/* What follows the last variable of a base: "-alpine" of node:${V}-alpine. */
static struct bytes base_image_literal_tail(struct bytes base)
{
    size_t at = bytes_find_last(base, '}');
    if (at < base.len)
        return bytes_from(base, at + 1);
    at = bytes_find_last(base, '$');
    for (at++; at < base.len; at++) {
        uint8_t c = base.at[at];
        bool name = c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                    (c >= 'a' && c <= 'z');
        if (!name)
            break;
    }
    return bytes_from(base, at);
}

/*
 * Tells whether the tag of an official image has no triggers, whatever the value of the
 * variables in it: tags with triggers end in "onbuild", except for some of maven's, in which
 * more follows.
 */
static bool base_image_tail_rules_out_onbuild(const struct stage *stage, struct bytes name)
{
    struct bytes tail = base_image_literal_tail(stage->df->base), word = BYTES("onbuild");
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
    for (size_t i = 0; i < tail.len; i++)
        if (!tail.at[i] || !strchr(plain, tail.at[i]))
            return false;
    return tail.len > 0 && !bytes_ends(word, tail) && !base_image_tag_has_onbuild(tail) &&
           !bytes_equal(path_name(name), BYTES("maven"));
}

void df_base_judge(const struct analysis *an, struct stage *stage)
{
    const struct df_request *request = an->request;
    struct bytes name, tag;
    base_image_split(stage->image, &name, &tag);
    stage->base = BASE_UNKNOWN;
    if (stage->image_unknown) {
        if (df_base_name(stage, &name) &&
            (base_image_trusts_all_tags(request, name) ||
             (base_image_is_official(name) && base_image_tail_rules_out_onbuild(stage, name))))
            stage->base = BASE_TRUSTED;
        return;
    }
    for (size_t i = 0; i < request->n_bases && !stage->config; i++)
        if (bytes_equal(request->bases[i].name, stage->image))
            stage->config = &request->bases[i];
    if (stage->config && stage->config->known)
        stage->base = BASE_CONFIG;
    else if (base_image_is_trusted(request, stage->image, name) ||
             (base_image_is_official(name) && !base_image_tag_has_onbuild(tag)))
        stage->base = BASE_TRUSTED;
}

void df_base_want(struct analysis *an, const struct stage *stage)
{
    while (stage->base == BASE_STAGE)
        stage = &an->stages[stage->parent];
    if (stage->config || stage->image_unknown || stage->base == BASE_SCRATCH ||
        stage->base == BASE_ANY)
        return;
    bool new;
    *table_put(&an->wanted, stage->image, &new) = 1;
    if (new)
        *ARENA_PUSH(&an->arena, an->wanted_at, &an->n_wanted, &an->cap_wanted) = stage->image;
}
