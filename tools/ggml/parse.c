// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a blob to ggml's tensors, believing nothing.
 *
 * DOC: parse
 *
 * The blob is copied before it is looked at, so that whoever wrote it cannot change it meanwhile.
 * Every number is checked where it is read; sums and products that could overflow are made with
 * __builtin_*_overflow().
 */
#include <errno.h>
#include <string.h>

#include "executor_private.h"

/* What is left of the blob */
struct weft_reader {
	const unsigned char *at;
	size_t left;
};

static bool weft_take(struct weft_reader *r, void *to, size_t size)
{
	if (size > r->left)
		return false;
	memcpy(to, r->at, size);
	r->at += size;
	r->left -= size;
	return true;
}

/* The bytes that a tensor spans, or 0 if they are too many */
static uint64_t weft_extent(const struct weft_ggml_tensor *t)
{
	uint64_t block = (uint64_t)ggml_blck_size((enum ggml_type)t->type);
	uint64_t size = ggml_type_size((enum ggml_type)t->type);
	uint64_t sum = size, step;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (__builtin_mul_overflow((i ? t->ne[i] : t->ne[0] / block) - 1, t->nb[i],
					   &step) ||
		    __builtin_add_overflow(sum, step, &sum))
			return 0;
	}
	return sum <= INT64_MAX ? sum : 0;
}

static const char *weft_tensor_wrong(const struct weft_ggml_tensor *t)
{
	uint64_t elements = 1;
	size_t size;
	unsigned int i;

	if (t->pad)
		return "pad";
	if (t->type >= GGML_TYPE_COUNT || ggml_blck_size((enum ggml_type)t->type) <= 0 ||
	    !ggml_type_size((enum ggml_type)t->type))
		return "its type";
	size = ggml_type_size((enum ggml_type)t->type);
	for (i = 0; i < 4; i++) {
		if (!t->ne[i] || t->ne[i] > INT32_MAX ||
		    __builtin_mul_overflow(elements, t->ne[i], &elements) || elements > 1ull << 40)
			return "its shape";
		/* elements and blocks lie on their own boundaries, counted from the first one */
		if (!t->nb[i] || t->nb[i] > 1ull << 40 || t->nb[i] % size)
			return "its strides";
	}
	if (t->ne[0] % (uint64_t)ggml_blck_size((enum ggml_type)t->type))
		return "its shape";
	if (ggml_blck_size((enum ggml_type)t->type) > 1 && t->nb[0] != size)
		return "its strides";
	/* no two elements in the same place: work is bounded by memory */
	if (weft_extent(t) < elements / (uint64_t)ggml_blck_size((enum ggml_type)t->type) * size)
		return "its size";
	return NULL;
}

static struct ggml_tensor *weft_tensor_make(struct weft_ggml_executor *x,
					    struct weft_ggml_parsed *job,
					    const struct weft_ggml_tensor *t)
{
	int64_t ne[4] = { t->ne[0], t->ne[1], t->ne[2], t->ne[3] };
	struct ggml_tensor *tensor = ggml_new_tensor(job->context, (enum ggml_type)t->type, 4, ne);
	unsigned int i;

	for (i = 0; i < 4; i++)
		tensor->nb[i] = t->nb[i];
	tensor->buffer = x->buffer;
	tensor->data = (void *)(uintptr_t)x->arena;
	tensor->flags = GGML_TENSOR_FLAG_COMPUTE;
	return tensor;
}

static int weft_tensor_place(struct weft_ggml_executor *x, struct weft_ggml_parsed *job,
			     struct ggml_tensor *tensor, const struct weft_ggml_tensor *t,
			     uint32_t index, char *text)
{
	uint64_t extent = weft_extent(t), scalar, address;

	if (t->base >= job->base_count)
		return weft_ggml_fail(text, EINVAL, "tensor %u: no base %u", index, t->base);
	if (t->offset > job->bases[t->base].length ||
	    extent > job->bases[t->base].length - t->offset)
		return weft_ggml_fail(text, EFAULT, "tensor %u: %llu bytes at %llu are not in the "
				      "%llu of base %u", index, (unsigned long long)extent,
				      (unsigned long long)t->offset,
				      (unsigned long long)job->bases[t->base].length, t->base);
	address = job->bases[t->base].address + t->offset;
	scalar = ggml_blck_size(tensor->type) > 1 ? 2 : ggml_type_size(tensor->type);
	if ((address - x->arena) % scalar)
		return weft_ggml_fail(text, EINVAL, "tensor %u: its offset", index);
	tensor->data = (void *)(uintptr_t)address;
	/* a backend that wants more than the tensor would take what is another's */
	if (ggml_nbytes(tensor) != extent ||
	    ggml_backend_buffer_get_alloc_size(x->buffer, tensor) > extent)
		return weft_ggml_fail(text, EOPNOTSUPP, "tensor %u: the backend wants room behind "
				      "it", index);
	if (ggml_backend_buffer_init_tensor(x->buffer, tensor) != GGML_STATUS_SUCCESS)
		return weft_ggml_fail(text, EIO, "tensor %u: the backend refuses it", index);
	return 0;
}

static int weft_parse_tensors(struct weft_ggml_executor *x, struct weft_ggml_parsed *job,
			      struct weft_reader *r, char *text)
{
	struct weft_ggml_tensor t;
	const char *wrong;
	uint32_t i;
	int ret;

	for (i = 0; i < job->tensor_count; i++) {
		if (!weft_take(r, &t, sizeof(t)))
			return weft_ggml_fail(text, EINVAL, "no room for %u tensors",
					      job->tensor_count);
		wrong = weft_tensor_wrong(&t);
		if (!wrong && job->query && (t.base != WEFT_GGML_NONE || t.offset))
			wrong = "a place, in a query";
		if (wrong)
			return weft_ggml_fail(text, EINVAL, "tensor %u: %s", i, wrong);
		job->tensors[i] = weft_tensor_make(x, job, &t);
		if (job->query)
			continue;
		ret = weft_tensor_place(x, job, job->tensors[i], &t, i, text);
		if (ret)
			return ret;
	}
	return 0;
}

/* One node; false if its record is wrong. Whether it makes sense is another question. */
static bool weft_parse_node(struct weft_ggml_parsed *job, struct weft_reader *r,
			    struct ggml_tensor **node)
{
	uint16_t sources[WEFT_GGML_MAX_SRC + 1];
	int32_t params[WEFT_GGML_MAX_PARAMS];
	struct weft_ggml_node n;
	unsigned int i;

	if (!weft_take(r, &n, sizeof(n)) || n.pad || n.dst >= job->tensor_count ||
	    n.src_count > WEFT_GGML_MAX_SRC || n.param_count > WEFT_GGML_MAX_PARAMS)
		return false;
	if (!weft_take(r, sources, (n.src_count + 1u) / 2 * 4) ||
	    !weft_take(r, params, n.param_count * sizeof(params[0])))
		return false;
	if (n.src_count % 2 && sources[n.src_count])
		return false;
	*node = job->tensors[n.dst];
	if ((*node)->op != GGML_OP_NONE || !weft_ggml_op_set(*node, n.op, params, n.param_count))
		return false;
	for (i = 0; i < n.src_count; i++) {
		if (sources[i] == WEFT_GGML_NONE)
			continue;
		if (sources[i] >= job->tensor_count || sources[i] == n.dst)
			return false;
		(*node)->src[i] = job->tensors[sources[i]];
	}
	return true;
}

static const char *weft_node_wrong(struct weft_ggml_executor *x, struct weft_ggml_parsed *job,
				   struct ggml_tensor *node)
{
	const char *wrong = weft_ggml_op_check(node);
	const struct ggml_tensor *index;
	int64_t rows;

	if (wrong)
		return wrong;
	index = weft_ggml_op_index(node, &rows);
	if (!job->query && index && weft_ggml_overlap(node, index))
		return "the result lies on its index";
	if (!ggml_backend_dev_supports_op(x->device, node))
		return "the device cannot do it";
	return NULL;
}

static int weft_parse_nodes(struct weft_ggml_executor *x, struct weft_ggml_parsed *job,
			    struct weft_reader *r, char *text)
{
	uint32_t i;

	for (i = 0; i < job->node_count; i++)
		if (!weft_parse_node(job, r, &job->nodes[i]))
			return weft_ggml_fail(text, EINVAL, "node %u: its record", i);
	/* a source may be the result of a later node: all operations are known only now */
	for (i = 0; i < job->node_count; i++) {
		job->wrong[i] = weft_node_wrong(x, job, job->nodes[i]);
		if (job->wrong[i] && !job->query)
			return weft_ggml_fail(text, EOPNOTSUPP, "node %u (%s): %s", i,
					      ggml_op_desc(job->nodes[i]), job->wrong[i]);
	}
	return 0;
}

static int weft_parse_bases(struct weft_ggml_executor *x, struct weft_ggml_parsed *job,
			    struct weft_reader *r, const struct weft_ggml_span *spans,
			    uint32_t span_count, char *text)
{
	uint32_t offset = sizeof(struct weft_ggml_job);
	struct weft_ggml_base base;
	uint32_t i, j;

	for (i = 0; i < job->base_count; i++, offset += sizeof(base)) {
		if (!weft_take(r, &base, sizeof(base)))
			return weft_ggml_fail(text, EINVAL, "no room for %u bases",
					      job->base_count);
		for (j = 0; j < span_count && spans[j].offset != offset; j++)
			;
		if (j == span_count)
			return weft_ggml_fail(text, EFAULT, "base %u has no address", i);
		if (base.address < x->arena || base.address - x->arena > x->arena_size ||
		    spans[j].length > x->arena_size - (base.address - x->arena))
			return weft_ggml_fail(text, EFAULT, "base %u is not in the device's memory",
					      i);
		job->bases[i].address = base.address;
		job->bases[i].length = spans[j].length;
	}
	return 0;
}

int weft_ggml_parse(struct weft_ggml_executor *x, struct weft_ggml_parsed *job, const void *args,
		    size_t size, const struct weft_ggml_span *spans, uint32_t span_count,
		    char *text)
{
	unsigned char copy[WEFT_GGML_MAX_BLOB];
	struct weft_reader r = { .at = copy };
	struct weft_ggml_job head;
	size_t i;
	int ret;

	if (size < sizeof(head) || size > sizeof(copy))
		return weft_ggml_fail(text, EINVAL, "a blob of %zu bytes", size);
	memcpy(copy, args, size);
	r.left = size;
	weft_take(&r, &head, sizeof(head));
	if (head.magic != WEFT_GGML_MAGIC || head.version != WEFT_GGML_VERSION)
		return weft_ggml_fail(text, EPROTO, "not a blob of version %u", WEFT_GGML_VERSION);
	if (head.size < sizeof(head) || head.size > size)
		return weft_ggml_fail(text, EINVAL, "%u bytes in a blob of %zu", head.size, size);
	if (!head.base_count || head.base_count > WEFT_GGML_MAX_BASES || !head.tensor_count ||
	    head.tensor_count > WEFT_GGML_MAX_TENSORS || !head.node_count ||
	    head.node_count > WEFT_GGML_MAX_NODES)
		return weft_ggml_fail(text, EINVAL, "%u bases, %u tensors, %u nodes",
				      head.base_count, head.tensor_count, head.node_count);
	for (i = head.size; i < size; i++)
		if (copy[i])
			return weft_ggml_fail(text, EINVAL, "bytes behind the end");
	r.left = head.size - sizeof(head);
	job->base_count = head.base_count;
	job->tensor_count = head.tensor_count;
	job->node_count = head.node_count;
	ret = weft_parse_bases(x, job, &r, spans, span_count, text);
	if (!ret)
		ret = weft_parse_tensors(x, job, &r, text);
	if (!ret)
		ret = weft_parse_nodes(x, job, &r, text);
	if (!ret && r.left)
		ret = weft_ggml_fail(text, EINVAL, "%zu bytes left over", r.left);
	return ret;
}
