/* SPDX-License-Identifier: Apache-2.0 */
#include "thread-kind.h"

static _Thread_local unsigned kind_of_this;

void thread_begin(enum thread_kind kind)
{
    kind_of_this = kind;
}

bool thread_is(unsigned kinds)
{
    return !kind_of_this || (kind_of_this & kinds);
}
