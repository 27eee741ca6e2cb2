// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libggml-base of another release, for whoever asks: preloaded before the real one.
 *
 * DOC: otherversion
 */
#include <ggml.h>

const char *ggml_version(void)
{
	return "0.99.0";
}
