// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random changes to blobs that were right, given to the executor.
 *
 * DOC: fuzz
 *
 * fuzz DEVICE CORPUS RUNS SEED. The corpus is what the loopback recorded (WEFT_LOOPBACK_RECORD).
 * Each run takes a blob of it, changes a few fields or bytes, gives all its bases the same window
 * of the arena, and runs it. The arena outside the window is compared with what was there before.
 * A process runs many; one that dies is a failure, and so is a changed byte. Both name the run,
 * and "fuzz DEVICE CORPUS 1 SEED RUN" repeats it.
 *
 * Rejected: blobs of random bytes alone (nothing of them comes past the first checks).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/ggml/executor.h"

#define WINDOW		(256u << 10)
#define GUARD		(64u << 10)
#define ARENA		(WINDOW + 2 * GUARD)
#define BATCH		2000
#define CORPUS_MAX	20000

struct sample {
	uint32_t kernel;
	uint32_t size;
	unsigned char blob[WEFT_GGML_MAX_BLOB];
};

static struct sample *corpus;
static uint32_t corpus_count;
static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((state >> 33) % (below ? below : 1));
}

static uint64_t odd_number(void)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 64, 127, 128, 255, 256, 257, 1024, 4095, 4096,
		65535, 65536, 1u << 20, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,
		1ull << 40, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 3, 0x7fc00000,
		0xff800000, 0x3f800000, 0xbf800000, WINDOW, WINDOW - 4,
	};

	return draw(4) ? numbers[draw(sizeof(numbers) / sizeof(numbers[0]))] : draw(512);
}

/* One field of one record gets another value, often one that another field has. */
static void change_field(unsigned char *blob)
{
	struct weft_ggml_job *job = (void *)blob;
	unsigned char *tensors = blob + sizeof(*job) +
				 job->base_count * sizeof(struct weft_ggml_base);
	struct weft_ggml_tensor *t;
	uint64_t number = odd_number();
	uint32_t at, nodes;

	if (job->tensor_count > WEFT_GGML_MAX_TENSORS || job->base_count > WEFT_GGML_MAX_BASES ||
	    !job->tensor_count)
		return;
	t = (void *)(tensors + draw(job->tensor_count) * sizeof(*t));
	nodes = (uint32_t)(tensors - blob + job->tensor_count * sizeof(*t));
	switch (draw(8)) {
	case 0:
		t->type = (uint16_t)draw(44);
		break;
	case 1:
		t->ne[draw(4)] = (uint32_t)number;
		break;
	case 2:
		t->nb[draw(4)] = number;
		break;
	case 3:
		t->offset = number;
		break;
	case 4:
		*t = *(struct weft_ggml_tensor *)(tensors + draw(job->tensor_count) * sizeof(*t));
		break;
	case 5:
		/* twice as long one way, half as long the other */
		t->ne[draw(4)] *= 2;
		t->ne[draw(4)] /= 2;
		break;
	default:
		/* in the nodes: an operation, an index or a parameter */
		at = nodes + draw(64) / 2 * 2;
		if (at + 4 > job->size || at + 4 > WEFT_GGML_MAX_BLOB)
			break;
		if (draw(2))
			*(uint16_t *)(blob + at) = (uint16_t)draw(110);
		else
			*(uint32_t *)(blob + at) = (uint32_t)number;
	}
}

static void change(struct sample *s)
{
	uint32_t i, count = draw(4);

	for (i = 0; i < count; i++) {
		if (draw(8))
			change_field(s->blob);
		else
			s->blob[draw(s->size)] = (unsigned char)draw(256);
	}
	if (!draw(64))
		s->size = draw(WEFT_GGML_MAX_BLOB + 1);
}

/* Numbers of all types: zeros (indexes that exist), small floats, anything */
static void fill(unsigned char *window)
{
	uint32_t kind = draw(4), i;

	for (i = 0; i < WINDOW; i += 4) {
		float value = (float)draw(2000) / 1000 - 1;

		if (kind == 0)
			memset(window + i, 0, 4);
		else if (kind == 1)
			*(uint32_t *)(window + i) = draw(3);
		else if (kind == 2)
			memcpy(window + i, &value, 4);
		else
			*(uint32_t *)(window + i) = draw(UINT32_MAX);
	}
}

/* 0: as it should be */
static int one(struct weft_ggml_executor *x, uint64_t seed, uint64_t run, uint32_t *results)
{
	static unsigned char window[WINDOW], guard[GUARD], seen[GUARD];
	struct weft_ggml_span spans[WEFT_GGML_MAX_BASES];
	uint64_t arena = weft_ggml_executor_arena(x), address = arena + GUARD;
	char text[WEFT_GGML_TEXT];
	struct sample s;
	uint32_t i, bases;
	int ret;

	state = seed * 0x9e3779b97f4a7c15ull + run * 0xbf58476d1ce4e5b9ull;
	draw(1);
	s = corpus[draw(corpus_count)];
	change(&s);
	for (i = 0; i < WEFT_GGML_MAX_BASES; i++) {
		spans[i].offset = sizeof(struct weft_ggml_job) + i * 8;
		spans[i].length = WINDOW;
	}
	bases = ((struct weft_ggml_job *)s.blob)->base_count;
	for (i = 0; i < bases && i < WEFT_GGML_MAX_BASES; i++)
		memcpy(s.blob + spans[i].offset, &address, sizeof(address));
	fill(window);
	weft_ggml_executor_write(x, address, window, WINDOW);
	ret = weft_ggml_executor_run(x, s.kernel, s.blob, s.size, spans, WEFT_GGML_MAX_BASES, text);
	results[ret ? 1 : 0]++;
	memset(guard, 0xa5, GUARD);
	weft_ggml_executor_read(x, arena, seen, GUARD);
	if (memcmp(guard, seen, GUARD))
		return 1;
	weft_ggml_executor_read(x, address + WINDOW, seen, GUARD);
	return memcmp(guard, seen, GUARD) != 0;
}

static int batch(const char *name, uint64_t seed, uint64_t first, uint64_t count, int progress)
{
	static unsigned char guard[ARENA];
	struct weft_ggml_executor *x;
	char text[WEFT_GGML_TEXT];
	uint32_t results[2] = { 0 };
	ggml_backend_dev_t device;
	uint64_t run;

	ggml_backend_load_all();
	device = ggml_backend_dev_by_name(name);
	if (!device || weft_ggml_executor_create(&x, device, ARENA, 1, text)) {
		printf("# no device %s\n", name);
		return 2;
	}
	memset(guard, 0xa5, sizeof(guard));
	weft_ggml_executor_write(x, weft_ggml_executor_arena(x), guard, sizeof(guard));
	for (run = first; run < first + count; run++) {
		if (write(progress, &run, sizeof(run)) != sizeof(run))
			return 2;
		if (one(x, seed, run, results)) {
			printf("# run %" PRIu64 " changed bytes outside its buffers\n", run);
			return 1;
		}
	}
	fprintf(stderr, "%u ran, %u refused\n", results[0], results[1]);
	weft_ggml_executor_destroy(x);
	return 0;
}

/* Follows a child and its last word: the run that it was in. */
static int watch(const char *name, uint64_t seed, uint64_t first, uint64_t count)
{
	uint64_t run = first;
	int pipes[2], status;
	pid_t child;

	if (pipe(pipes))
		return 2;
	fflush(NULL);
	child = fork();
	if (!child) {
		close(pipes[0]);
		_exit(batch(name, seed, first, count, pipes[1]));
	}
	close(pipes[1]);
	while (read(pipes[0], &run, sizeof(run)) == sizeof(run))
		;
	close(pipes[0]);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("# run %" PRIu64 " of seed %" PRIu64 " ended the process: %s\n", run, seed,
		       strsignal(WTERMSIG(status)));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool load(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct sample *s;

	corpus = calloc(CORPUS_MAX, sizeof(*corpus));
	if (!file || !corpus)
		return false;
	for (; corpus_count < CORPUS_MAX; corpus_count++) {
		s = &corpus[corpus_count];
		if (fread(&s->kernel, 4, 1, file) != 1 || fread(&s->size, 4, 1, file) != 1 ||
		    s->size > sizeof(s->blob) || fread(s->blob, s->size, 1, file) != 1)
			break;
	}
	fclose(file);
	return corpus_count > 0;
}

int main(int argc, char **argv)
{
	uint64_t runs, seed, first = 0, count;
	int bad = 0, status;

	if (argc < 5) {
		fprintf(stderr, "usage: %s DEVICE CORPUS RUNS SEED [RUN]\n", argv[0]);
		return 2;
	}
	runs = strtoull(argv[3], NULL, 0);
	seed = strtoull(argv[4], NULL, 0);
	if (!load(argv[2])) {
		printf("Bail out! no corpus in %s\n", argv[2]);
		return 2;
	}
	if (argc > 5) {
		first = strtoull(argv[5], NULL, 0);
		runs += first;
	}
	for (; first < runs; first += count) {
		count = runs - first < BATCH ? runs - first : BATCH;
		status = watch(argv[1], seed, first, count);
		if (status == 2)
			return 2;
		bad += status != 0;
	}
	printf("%s 1 - %" PRIu64 " changed blobs end no process and touch nothing else\n1..1\n",
	       bad ? "not ok" : "ok", runs);
	return bad != 0;
}
