// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules: an image is text and is built line by line.
 *
 * DOC: module
 *
 * All that is wrong is reported, not only the first line, because that is what a build log is for.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define FAKERT_KERNELS_MAX	256

struct fakert_module {
	struct fakert_context *context;
	struct fakert_module *next;
	uint32_t count;
	const struct fakert_kernel *kernels[FAKERT_KERNELS_MAX];
};

struct fakert_build {
	char *log;
	size_t room;
	unsigned int line;
	unsigned int errors;
};

static void __attribute__((format(printf, 2, 3)))
fakert_complain(struct fakert_build *build, const char *format, ...)
{
	va_list list;
	int length;

	build->errors++;
	length = snprintf(build->log, build->room, "line %u: ", build->line);
	if (length < 0 || (size_t)length >= build->room)
		return;
	build->log += length;
	build->room -= (size_t)length;
	va_start(list, format);
	length = vsnprintf(build->log, build->room, format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= build->room) {
		build->room = 0;
		return;
	}
	build->log += length;
	build->room -= (size_t)length;
}

static bool fakert_starts(const char *text, size_t length, const char *word)
{
	return length >= strlen(word) && !memcmp(text, word, strlen(word));
}

static void fakert_line_build(struct fakert_build *build, struct fakert_module *module,
			      const char *text, size_t length)
{
	const struct fakert_kernel *kernel;

	if (build->line == 1) {
		if (length != strlen("fakert 1") || !fakert_starts(text, length, "fakert 1"))
			fakert_complain(build, "an image starts with \"fakert 1\"\n");
		return;
	}
	if (!length || text[0] == '#')
		return;
	if (!fakert_starts(text, length, "kernel ")) {
		fakert_complain(build, "\"%.*s\" is no declaration\n", (int)length, text);
		return;
	}
	text += strlen("kernel ");
	length -= strlen("kernel ");
	kernel = fakert_kernel_find(text, length);
	if (!kernel)
		fakert_complain(build, "there is no kernel \"%.*s\"\n", (int)length, text);
	else if (module->count == FAKERT_KERNELS_MAX)
		fakert_complain(build, "more than %u kernels\n", FAKERT_KERNELS_MAX);
	else
		module->kernels[module->count++] = kernel;
}

enum fakert_result fakert_module_load(struct fakert_context *context, const void *image,
				      size_t size, char *log, size_t log_size,
				      struct fakert_module **module)
{
	const char *text = image, *end = text + size, *stop;
	struct fakert_build build = { .log = log, .room = log_size };
	enum fakert_result result = fakert_enter(context);
	struct fakert_module *m;

	*module = NULL;
	if (log_size)
		log[0] = '\0';
	if (result != FAKERT_OK)
		return result;
	m = calloc(1, sizeof(*m));
	if (!m)
		return fakert_leave(context, FAKERT_NO_HOST_MEMORY);
	do {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			stop = end;
		build.line++;
		fakert_line_build(&build, m, text, (size_t)(stop - text));
		text = stop + 1;
	} while (stop < end && text < end);
	if (build.errors) {
		free(m);
		return fakert_leave(context, FAKERT_BAD_IMAGE);
	}
	m->context = context;
	m->next = context->modules;
	context->modules = m;
	*module = m;
	return fakert_leave(context, FAKERT_OK);
}

enum fakert_result fakert_module_unload(struct fakert_module *module)
{
	struct fakert_context *context = module->context;
	enum fakert_result result = fakert_enter(context);
	struct fakert_module **link;

	if (result != FAKERT_OK)
		return result;
	result = fakert_drain_locked(context);
	if (result != FAKERT_OK)
		return fakert_leave(context, result);
	for (link = &context->modules; *link != module; link = &(*link)->next)
		;
	*link = module->next;
	free(module);
	return fakert_leave(context, FAKERT_OK);
}

enum fakert_result fakert_module_kernel(struct fakert_module *module, const char *name,
					const struct fakert_kernel **kernel)
{
	enum fakert_result result = fakert_enter(module->context);
	uint32_t i;

	*kernel = NULL;
	if (result != FAKERT_OK)
		return result;
	for (i = 0; i < module->count && !*kernel; i++)
		if (!strcmp(module->kernels[i]->name, name))
			*kernel = module->kernels[i];
	return fakert_leave(module->context, *kernel ? FAKERT_OK : FAKERT_NOT_FOUND);
}

enum fakert_result fakert_module_kernel_at(struct fakert_module *module, uint32_t index,
					   const struct fakert_kernel **kernel)
{
	enum fakert_result result = fakert_enter(module->context);

	*kernel = NULL;
	if (result != FAKERT_OK)
		return result;
	if (index >= module->count)
		return fakert_leave(module->context, FAKERT_NOT_FOUND);
	*kernel = module->kernels[index];
	return fakert_leave(module->context, FAKERT_OK);
}

void fakert_module_release(struct fakert_context *context)
{
	struct fakert_module *module;

	while ((module = context->modules)) {
		context->modules = module->next;
		free(module);
	}
}
