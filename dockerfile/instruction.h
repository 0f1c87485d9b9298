/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instruction: one logical line -> one instruction, with its keyword, flags and words.
 *
 * Offsets, views and messages refer to df->text and df->name; all memory is in df->arena.
 * Thread: any. Source: BuildKit parser/parser.go and instructions/parse.go.
 */
#ifndef CTXD_INSTRUCTION_H
#define CTXD_INSTRUCTION_H

#include "line.h"

/*
 * Reads the instruction on a logical line. The caller fills in what takes more than the line to
 * know: heredocs, last_line, end and stage. *words_left is how many words the rest of the file
 * may have, and goes down. -EINVAL with f filled: no instruction, or arguments that both
 * builders refuse. -E2BIG past *words_left.
 */
int df_instruction(struct dockerfile *df, const struct df_line *line, size_t *words_left,
                   struct df_instruction *ret, struct failure *f) must_use;

/*
 * Reads the trigger of an ONBUILD a second time, as the builder does when the trigger runs: as
 * a file of its own, without directives. If that reading is malformed, ins->trigger stays the
 * first reading, which is what the builder goes by in the file that contains the ONBUILD.
 */
void df_reread_trigger(struct dockerfile *df, const struct df_line *line,
                       struct df_instruction *ins);

/* Lower-cases and checks the stage name that FROM gives. -EINVAL with f filled. */
int df_stage_name(struct dockerfile *df, uint32_t line, struct bytes written, struct bytes *ret,
                  struct failure *f) must_use;

#endif
