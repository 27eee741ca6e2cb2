// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tenants, clients, devices, data, records, and the tree below the order.
 *
 * DOC: tests of scheduler objects
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "pool.h"

static void test_init(void **state)
{
	static struct weft_sched s;
	static struct weft_sched_est est[128];

	est[5].key = 1;
	assert_int_equal(weft_sched_init(&s, NULL, "neft", est, 128, 0), -EINVAL);
	assert_int_equal(weft_sched_init(&s, NULL, "eft", est, 32, 0), -EINVAL);
	assert_int_equal(weft_sched_init(&s, NULL, "eft", est, 63, 0), -EINVAL);
	assert_int_equal(weft_sched_init(&s, NULL, "eft", est, 96, 0), -EINVAL);
	assert_int_equal(est[5].key, 1);
	assert_int_equal(weft_sched_init(&s, NULL, "eft", est, 64, 0), 0);
	assert_int_equal(est[5].key, 0);
	assert_int_equal(weft_sched_init(&s, NULL, "fifo", est, 128, 7), 0);
	assert_int_equal(s.seq, 1);
}

static void test_tenants_and_clients(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_tenant t = { .id = 9 };
	struct weft_sched_client c = { .id = 10 };
	struct weft_sched_job *job;
	struct weft_rec rec;

	assert_int_equal(weft_sched_tenant_add(&p->s, &t, 0), -EINVAL);
	t.weight = WEFT_WEIGHT_MAX + 1;
	assert_int_equal(weft_sched_tenant_add(&p->s, &t, 0), -EINVAL);
	assert_int_equal(p->s.seq, 1);
	t.weight = WEFT_WEIGHT_MAX;
	assert_int_equal(weft_sched_tenant_add(&p->s, &t, 3), 0);
	assert_int_equal(pool_count(p, WEFT_REC_TENANT_ADD, &rec), 1);
	assert_int_equal(rec.id, 9);
	assert_int_equal(rec.time, 3);
	assert_int_equal(rec.arg[0], WEFT_WEIGHT_MAX);
	assert_int_equal(weft_sched_tenant_set(&p->s, &t, 0, 0), -EINVAL);
	assert_int_equal(weft_sched_tenant_set(&p->s, &t, WEFT_WEIGHT_MAX + 1, 0), -EINVAL);
	assert_int_equal(t.weight, WEFT_WEIGHT_MAX);
	assert_int_equal(weft_sched_tenant_set(&p->s, &t, WEFT_WEIGHT_MIN, 0), 0);
	assert_int_equal(t.weight, 1);
	assert_int_equal(weft_sched_client_add(&p->s, &c, 0), -EINVAL);
	c.tenant = &t;
	assert_int_equal(weft_sched_client_add(&p->s, &c, 0), 0);
	assert_int_equal(weft_sched_tenant_remove(&p->s, &t, 0), -EBUSY);
	job = pool_job(p, &c, 1);
	assert_int_equal(weft_sched_client_remove(&p->s, &c, 0), -EBUSY);
	assert_int_equal(weft_sched_job_cancel(&p->s, job, -ECANCELED, 0), 0);
	assert_int_equal(weft_sched_client_remove(&p->s, &c, 0), 0);
	assert_int_equal(weft_sched_tenant_remove(&p->s, &t, 0), 0);
	assert_int_equal(pool_count(p, WEFT_REC_CLIENT_REMOVE, NULL), 1);
	assert_int_equal(pool_count(p, WEFT_REC_TENANT_REMOVE, NULL), 1);
	pool_free(p);
}

static const struct weft_sched_device good = {
	.id = 63, .model = 4, .dev_class = 2, .region = 63, .host_region = 62, .credits = 4096,
	.depth = 16, .price = 1u << 20, .down = { 1, 5 }, .up = { 2, 6 }, .open = true,
};

static void test_device_errors(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_device d, same = good;
	u32 i;

	for (i = 0; i < 11; i++) {
		d = good;
		switch (i) {
		case 0:
			d.id = 64;
			break;
		case 1:
			d.region = 64;
			break;
		case 2:
			d.host_region = 64;
			break;
		case 3:
			d.credits = 0;
			break;
		case 4:
			d.credits = 4097;
			break;
		case 5:
			d.depth = 0;
			break;
		case 6:
			d.depth = 17;
			break;
		case 7:
			d.price = 0;
			break;
		case 8:
			d.price = (1u << 20) + 1;
			break;
		case 9:
			d.down.bandwidth = 0;
			break;
		case 10:
			d.up.bandwidth = 0;
			break;
		}
		assert_int_equal(weft_sched_device_add(&p->s, &d, 0), -EINVAL);
	}
	d = good;
	assert_int_equal(weft_sched_device_add(&p->s, &d, 0), 0);
	assert_int_equal(weft_sched_device_add(&p->s, &same, 0), -EEXIST);
	same.credits = 0;
	assert_int_equal(weft_sched_device_set(&p->s, &d, &same, 0), -EINVAL);
	assert_int_equal(d.credits, 4096);
	pool_free(p);
}

static void test_device_life(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_device d = good, to;
	struct weft_sched_job *job;
	struct weft_rec rec;

	assert_int_equal(weft_sched_device_add(&p->s, &d, 0), 0);
	assert_int_equal(p->s.places, 4112);
	assert_int_equal(pool_count(p, WEFT_REC_DEVICE_LINK, &rec), 1);
	assert_int_equal(rec.id, 63);
	assert_int_equal(rec.arg[0], 1);
	assert_int_equal(rec.arg[1], 5);
	assert_int_equal(rec.arg[2], 2);
	assert_int_equal(rec.arg[3], 6);
	assert_int_equal(pool_count(p, WEFT_REC_DEVICE_ADD, &rec), 1);
	assert_int_equal(rec.a, 1);
	assert_int_equal(rec.b, 16);
	assert_int_equal(rec.arg[0], 4 | (u64)(1u << 20) << 32);
	assert_int_equal(rec.arg[1], 4096 | 2ull << 32);
	assert_int_equal(rec.arg[2], 63 | 62ull << 32);
	to = d;
	to.model = 77;		/* not changed by set */
	to.price = 3;
	to.credits = 2;
	to.depth = 1;
	to.down.latency = 9;
	to.up.bandwidth = 8;
	assert_int_equal(weft_sched_device_set(&p->s, &d, &to, 0), 0);
	assert_int_equal(d.model, 4);
	assert_int_equal(d.price, 3);
	assert_int_equal(d.down.latency, 9);
	assert_int_equal(d.up.bandwidth, 8);
	assert_int_equal(p->s.places, 3);
	assert_int_equal(pool_count(p, WEFT_REC_DEVICE_SET, &rec), 1);
	assert_int_equal(rec.arg[0], 3ull << 32);
	assert_int_equal(rec.arg[1], 2);
	job = pool_job(p, c, 1);
	pool_pick(p);
	assert_int_equal(weft_sched_device_remove(&p->s, &d, 0), -EBUSY);
	pool_start(p, job);
	pool_done(p, job, 5);
	assert_int_equal(weft_sched_device_remove(&p->s, &d, 0), 0);
	assert_int_equal(p->s.places, 0);
	assert_int_equal(p->s.present, 0);
	assert_int_equal(p->s.open, 0);
	job = pool_job(p, c, 1);
	pool_pick_none(p);
	assert_int_equal(weft_sched_device_add(&p->s, &d, 0), 0);
	assert_int_equal(d.busy_ns, 0);
	assert_ptr_equal(pool_pick(p).job, job);
	pool_free(p);
}

static void test_closed_device_is_added(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_device d = good, to = good;

	d.open = false;
	assert_int_equal(weft_sched_device_add(&p->s, &d, 0), 0);
	pool_job(p, c, 1);
	pool_pick_none(p);
	assert_int_equal(weft_sched_device_set(&p->s, &d, &to, 0), 0);
	pool_pick(p);
	pool_free(p);
}

static void test_data(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_data *d = pool_data(p, 4096, 5);
	struct weft_rec rec;

	assert_int_equal(pool_count(p, WEFT_REC_DATA_ADD, &rec), 1);
	assert_int_equal(rec.id, 1);
	assert_int_equal(rec.arg[0], 4096);
	assert_int_equal(rec.arg[1], 5);
	weft_sched_data_set(&p->s, d, 3, 8);
	assert_int_equal(d->valid, 3);
	assert_int_equal(pool_count(p, WEFT_REC_DATA_SET, &rec), 1);
	assert_int_equal(rec.time, 8);
	assert_int_equal(rec.arg[0], 3);
	weft_sched_data_remove(&p->s, d, 9);
	assert_int_equal(pool_count(p, WEFT_REC_DATA_REMOVE, &rec), 1);
	assert_int_equal(rec.id, 1);
	pool_free(p);
}

static void test_records_of_submit(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct use u = { pool_data(p, 640, 1), R | W, true };
	struct weft_sched_job *first = pool_job(p, c, 1);
	struct weft_sched_job *job;
	struct weft_rec rec;
	u64 seq = p->s.seq;

	job = pool_add(p, .client = c, .kernel = 0x1122334455667788, .size = 99, .devices = 0xf0,
		       .service = WEFT_SERVICE_BEST_EFFORT + 1, .priority = 5, .run_anyway = true,
		       .uses = &u, .use_count = 1, .after = &first, .after_count = 1,
		       .deadline = 1234);
	assert_int_equal(p->s.seq, seq + 4);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_REF, &rec), 1);
	assert_int_equal(rec.id, job->id);
	assert_int_equal(rec.a, 3 | 1 << 8);
	assert_int_equal(rec.b, 0);
	assert_int_equal(rec.arg[0], u.data->id);
	assert_int_equal(rec.arg[1], 640);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_EDGE, &rec), 1);
	assert_int_equal(rec.arg[0], first->id);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_DEADLINE, &rec), 1);
	assert_int_equal(rec.arg[0], 1234);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_SUBMIT, &rec), 2);
	assert_int_equal(rec.a, WEFT_SERVICE_BEST_EFFORT | 5 << 4 | 1 << 8);
	assert_int_equal(rec.b, 1);
	assert_int_equal(rec.arg[0], c->id);
	assert_int_equal(rec.arg[1], 0x1122334455667788);
	assert_int_equal(rec.arg[2], 99);
	assert_int_equal(rec.arg[3], 0xf0);
	pool_free(p);
}

static void test_records_of_life(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_device *d = pool_device(p, 0, 1024);
	struct weft_sched_job *job = pool_job(p, c, 1);
	struct weft_rec rec;
	size_t i;

	assert_int_equal(pool_count(p, WEFT_REC_INIT, &rec), 1);
	assert_memory_equal(rec.arg, "eft\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(rec.arg[2], EST_COUNT);
	assert_int_equal(rec.a, WEFT_LOG_VERSION);
	pool_pick(p);
	pool_start(p, job);
	assert_int_equal(weft_sched_job_return(&p->s, job, WEFT_RETURN_DRAIN, 17, 0), 0);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_RETURN, &rec), 1);
	assert_int_equal(rec.a, WEFT_RETURN_DRAIN);
	assert_int_equal(rec.arg[0], 17);
	pool_pick(p);
	pool_start(p, job);
	assert_int_equal(weft_sched_job_done(&p->s, job, -EIO, 23, 99), 0);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_DONE, &rec), 1);
	assert_int_equal(rec.time, 99);
	assert_int_equal(rec.arg[0], 23);
	assert_int_equal((s64)rec.arg[1], -EIO);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_BOUND, &rec), 2);
	assert_int_equal(rec.id, job->id);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_RUNNING, NULL), 2);
	assert_int_equal(d->busy_ns, 40);
	for (i = 0; i < p->log_count; i++)
		assert_int_equal(p->log[i].seq, i);
	pool_free(p);
}

static void test_names(void **state)
{
	struct weft_log_header header;
	u32 i;

	for (i = WEFT_REC_INIT; i <= WEFT_REC_UNSEND; i++)
		assert_non_null(weft_rec_name(i));
	for (i = WEFT_REC_DECISION; i <= WEFT_REC_SEND; i++)
		assert_non_null(weft_rec_name(i));
	assert_null(weft_rec_name(0));
	assert_null(weft_rec_name(WEFT_REC_DECISION - 1));
	assert_null(weft_rec_name(WEFT_REC_SEND + 1));
	assert_string_equal(weft_rec_name(WEFT_REC_PLAN), "plan");
	for (i = WEFT_REASON_CHOSEN; i <= WEFT_REASON_FOREGONE; i++)
		assert_non_null(weft_reason_name(i));
	assert_null(weft_reason_name(0));
	assert_null(weft_reason_name(WEFT_REASON_FOREGONE + 1));
	memset(&header, 0xff, sizeof(header));
	weft_log_header_init(&header);
	assert_memory_equal(&header, "\0weftlog\1\0\0\0\100\0\0", 15);
	assert_int_equal(header.reserved[0] | header.reserved[1], 0);
	assert_int_equal(sizeof(struct weft_rec), 64);
	assert_int_equal(sizeof(struct weft_sched_est), 32);
}

/* ------------------------------------------------------------------- tree */

#define NODES	200

static bool node_before(const struct weft_tree_node *a, const struct weft_tree_node *b)
{
	return a->major == b->major ? a->minor < b->minor : (s64)(a->major - b->major) < 0;
}

/* The subtree is ordered, a heap, and its unions are right; returns its number of nodes. */
static u32 node_check(const struct weft_tree_node *node)
{
	u64 all;
	u32 side, count = 1;

	if (!node)
		return 0;
	all = node->mask;
	for (side = 0; side < 2; side++) {
		const struct weft_tree_node *child = node->child[side];

		if (!child)
			continue;
		assert_ptr_equal(child->parent, node);
		assert_true(child->heap <= node->heap);
		assert_true(side ? node_before(node, child) : node_before(child, node));
		all |= child->all;
		count += node_check(child);
	}
	assert_true(node->all == all);
	return count;
}

static u32 node_depth(const struct weft_tree_node *node)
{
	u32 left, right;

	if (!node)
		return 0;
	left = node_depth(node->child[0]);
	right = node_depth(node->child[1]);
	return 1 + (left > right ? left : right);
}

static void test_tree(void **state)
{
	static struct weft_tree_node node[NODES];
	bool in[NODES] = { false };
	struct weft_tree tree = { NULL };
	u64 random = 1;
	u32 round, i, count = 0;

	for (i = 0; i < NODES; i++)
		node[i].minor = i;
	assert_null(weft_tree_first(&tree, U64_MAX));
	assert_int_equal(weft_tree_mask(&tree), 0);
	for (round = 0; round < 6000; round++) {
		struct weft_tree_node *first = NULL;
		u64 mask;

		random = weft_mix64(random + round);
		i = (u32)(random % NODES);
		if (!in[i]) {
			/* keys around the wrap of 64 bits, many of them equal */
			node[i].major = (random >> 20) % 64 - 32;
			node[i].mask = BIT_ULL(random >> 58);
			weft_tree_insert(&tree, &node[i]);
			count++;
			in[i] = true;
		} else if (random >> 40 & 1) {
			weft_tree_erase(&tree, &node[i]);
			assert_null(node[i].parent);
			count--;
			in[i] = false;
		} else {
			weft_tree_mask_set(&node[i], BIT_ULL(random >> 57 & 63));
		}
		if (round % 8)
			continue;
		assert_int_equal(node_check(tree.root), count);
		mask = BIT_ULL(random & 63) | BIT_ULL(random >> 6 & 63);
		for (i = 0; i < NODES; i++) {
			if (in[i] && (node[i].mask & mask) &&
			    (!first || node_before(&node[i], first)))
				first = &node[i];
		}
		assert_ptr_equal(weft_tree_first(&tree, mask), first);
	}
}

/* Keys that come in order do not make a list of it. */
static void test_tree_depth(void **state)
{
	struct weft_tree_node *node = calloc(4096, sizeof(*node));
	struct weft_tree tree = { NULL };
	u32 i;

	assert_non_null(node);
	for (i = 0; i < 4096; i++) {
		node[i].major = i;
		node[i].minor = i;
		node[i].mask = 1;
		weft_tree_insert(&tree, &node[i]);
	}
	assert_in_range(node_depth(tree.root), 12, 40);
	assert_ptr_equal(weft_tree_first(&tree, 1), node);
	free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_tenants_and_clients),
		cmocka_unit_test(test_device_errors),
		cmocka_unit_test(test_device_life),
		cmocka_unit_test(test_closed_device_is_added),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_records_of_submit),
		cmocka_unit_test(test_records_of_life),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_depth),
	};

	return cmocka_run_group_tests_name("objects", tests, NULL, NULL);
}
