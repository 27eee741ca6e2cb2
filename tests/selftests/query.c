// SPDX-License-Identifier: GPL-2.0-only
/*
 * QUERY: every topic, cut and padded elements, every way to ask wrongly.
 */
/* vm: smp=2 timeout=60 kernels=stock,debug,next insmod=weft,weft_sim */
#include <stdio.h>

#include "common.h"

SETUP()
{
	dev_add("q0", DEV_NULL);
	dev_add("q1", DEV_UNIT);
	devs_keep();
}

static long query_raw(int fd, uint32_t topic, uint32_t flags, void *data, uint32_t count,
		      uint32_t stride)
{
	struct drm_weft_query q = {
		.topic = topic, .flags = flags, .count = count, .stride = stride,
		.data = p64(data),
	};

	return ioc(fd, DRM_IOCTL_WEFT_QUERY, &q);
}

TEST(version, "DRM version names the driver and its minor")
{
	char name[16] = "", desc[128] = "";
	struct drm_version v = {
		.name = name, .name_len = sizeof(name) - 1,
		.desc = desc, .desc_len = sizeof(desc) - 1,
	};
	int fd = pool_open();

	CHECK_EQ(ioc(fd, DRM_IOCTL_VERSION, &v), 0);
	CHECK(!strcmp(name, "weft"));
	CHECK_EQ(v.version_major, DRM_WEFT_MAJOR);
	CHECK_EQ(v.version_minor, DRM_WEFT_MINOR);
	CHECK(*desc);
}

TEST(pool, "POOL: bounds, devices, policy and name make sense")
{
	struct drm_weft_pool_info p;
	int fd = pool_open();

	pool_info(fd, &p);
	CHECK(p.features & DRM_WEFT_FEATURE_LATE);
	CHECK_EQ(p.device_count, 2);
	CHECK_EQ(__builtin_popcountll(p.device_mask), 2);
	CHECK_EQ(p.device_mask, dev_mask(fd, "q0") | dev_mask(fd, "q1"));
	CHECK(p.region_count >= 3);
	CHECK(p.max_jobs_per_submit >= 64);
	CHECK(p.max_buffers_per_job >= 8);
	CHECK(p.max_args_size >= sizeof(struct weft_sim_gemm));
	CHECK(p.max_deps_per_job >= 8);
	CHECK(p.max_queue_depth >= 1024);
	CHECK(p.max_unread_records >= p.max_queue_depth);
	CHECK(!strcmp(p.policy, "eft"));
	CHECK(*p.name);
}

TEST(devices, "DEVICES: what was configured is what is told")
{
	struct drm_weft_device_info d;
	int fd = pool_open();

	CHECK(dev_find(fd, "q1", &d));
	CHECK_EQ(d.device_class, DRM_WEFT_CLASS_GPU);
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
	CHECK(!strcmp(d.model, "unit"));
	CHECK(*d.vendor);
	CHECK(d.compute_engines >= 1 && d.compute_credits >= d.compute_engines);
	CHECK(d.isa_count >= 1 && d.isa_count <= 4 && *d.isas[0]);
	CHECK(d.price > 0);
	CHECK_EQ(d.jobs_done, 0);
	CHECK_EQ(d.jobs_failed, 0);
}

TEST(regions, "REGIONS: a host region and each device's memory")
{
	struct drm_weft_region_info r;
	struct drm_weft_device_info d;
	int fd = pool_open();

	CHECK(dev_find(fd, "q1", &d));
	region_info(fd, d.region, &r);
	CHECK_EQ(r.kind, DRM_WEFT_REGION_DEVICE);
	CHECK_EQ(r.device, d.id);
	CHECK_EQ(r.size, 16 * MIB);
	CHECK_EQ(r.used, 0);
	region_info(fd, d.host_region, &r);
	CHECK_EQ(r.kind, DRM_WEFT_REGION_HOST);
	CHECK_EQ(r.device, ~0u);
	CHECK(r.size > 0);
}

TEST(links, "LINKS: both directions of each device's link, with bandwidth and kind")
{
	struct drm_weft_link_info l[64];
	struct drm_weft_device_info d;
	uint32_t n = ARRAY_SIZE(l);
	int fd = pool_open(), down = 0, up = 0;

	CHECK(dev_find(fd, "q1", &d));
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_LINKS, l, &n, sizeof(l[0])), 0);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(l[i].bandwidth > 0);
		CHECK(*l[i].kind);
		down += l[i].from == d.host_region && l[i].to == d.region;
		up += l[i].to == d.host_region && l[i].from == d.region;
	}
	CHECK_EQ(down, 1);
	CHECK_EQ(up, 1);
}

TEST(client, "CLIENT: a fresh client has done nothing and is told its tenant")
{
	struct drm_weft_client_info a, b;
	int fd = pool_open(), other = pool_open();

	client_info(fd, &a);
	client_info(other, &b);
	CHECK(a.id != b.id);
	CHECK_EQ(a.tenant, b.tenant);
	CHECK_EQ(a.weight, 100);
	CHECK(*a.tenant_name);
	CHECK_EQ(a.jobs_submitted | a.jobs_completed | a.jobs_failed, 0);
	CHECK_EQ(a.busy_ns | a.priced | a.memory, 0);
	CHECK_EQ(a.unread_records | a.pad, 0);
}

TEST(account, "CLIENT: jobs, failures, memory and unread records are counted")
{
	struct drm_weft_client_info i;
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	bo_create(c.fd, 3 * 4096);
	client_info(c.fd, &i);
	CHECK_EQ(i.memory, 3 * 4096);
	job_nop(&job, &c, 10 * UNIT_MS);
	job.j.device_mask = dev_mask(c.fd, "q1");
	id = submit(&c, &job, 1);
	job_wait(c.fd, id, &(struct drm_weft_job_record){});
	client_info(c.fd, &i);
	CHECK_EQ(i.jobs_submitted, 1);
	CHECK_EQ(i.jobs_completed, 1);
	CHECK_EQ(i.jobs_failed, 0);
	CHECK_EQ(i.unread_records, 1);
	CHECK(i.busy_ns >= 10 * MS);
	CHECK(i.priced > 0 && i.tenant_priced >= i.priced);
	CHECK_EQ(job_result(c.fd, id), 0);
	client_info(c.fd, &i);
	CHECK_EQ(i.unread_records, 0);
}

TEST(count_only, "count 0 tells how many there are, data may be 0")
{
	uint32_t n = 0;
	int fd = pool_open();

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, NULL, &n, 8), 0);
	CHECK_EQ(n, 2);
	n = 0;
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_POOL, NULL, &n, 8), 0);
	CHECK_EQ(n, 1);
}

TEST(short_array, "room for one of two: one is written, two are told")
{
	struct drm_weft_device_info d[2];
	uint32_t n = 1;
	int fd = pool_open();

	memset(d, 0xa5, sizeof(d));
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, d, &n, sizeof(d[0])), 0);
	CHECK_EQ(n, 2);
	CHECK(*d[0].name);
	for (size_t i = 0; i < sizeof(d[1]); i++)
		CHECK_EQ(((unsigned char *)&d[1])[i], 0xa5);
}

TEST(cut, "a short stride cuts elements and touches nothing beyond them")
{
	struct drm_weft_device_info d[2];
	uint64_t cut[3];
	uint32_t n = 2;
	int fd = pool_open();

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, d, &n, sizeof(d[0])), 0);
	n = 2;
	memset(cut, 0xa5, sizeof(cut));
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, cut, &n, 8), 0);
	CHECK(!memcmp(&cut[0], &d[0], 8));
	CHECK(!memcmp(&cut[1], &d[1], 8));
	CHECK_EQ(cut[2], 0xa5a5a5a5a5a5a5a5ull);
}

TEST(padded, "a long stride is padded with zeros")
{
	unsigned char buf[2][4096];
	struct drm_weft_device_info d[2];
	uint32_t n = 2;
	int fd = pool_open();

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, d, &n, sizeof(d[0])), 0);
	n = 2;
	memset(buf, 0xa5, sizeof(buf));
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, buf, &n, 4096), 0);
	for (int i = 0; i < 2; i++) {
		CHECK(!memcmp(buf[i], &d[i], offsetof(struct drm_weft_device_info, busy_ns)));
		for (size_t k = sizeof(d[0]); k < 4096; k++)
			CHECK_EQ(buf[i][k], 0);
	}
}

TEST(topic, "unknown topics: EINVAL")
{
	struct drm_weft_pool_info p;
	int fd = pool_open();

	CHECK_EQ(query_raw(fd, 5, 0, &p, 1, sizeof(p)), -EINVAL);
	CHECK_EQ(query_raw(fd, ~0u, 0, &p, 1, sizeof(p)), -EINVAL);
}

TEST(flags, "any flag: EINVAL")
{
	struct drm_weft_pool_info p;
	int fd = pool_open();

	for (int i = 0; i < 32; i++)
		CHECK_EQ(query_raw(fd, 0, 1u << i, &p, 1, sizeof(p)), -EINVAL);
}

TEST(stride, "stride zero, odd or above 4096: EINVAL")
{
	static const uint32_t bad[] = { 0, 4, 12, 4097, 4104, 0x80000000, ~7u };
	struct drm_weft_pool_info p;
	int fd = pool_open();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_MSG(query_raw(fd, 0, 0, &p, 1, bad[i]) == -EINVAL, "stride %u", bad[i]);
}

TEST(fault, "data out of the address space: EFAULT")
{
	int fd = pool_open();

	for (uint32_t topic = 0; topic < 5; topic++) {
		CHECK_EQ(query_raw(fd, topic, 0, NULL, 1, 64), -EFAULT);
		CHECK_EQ(query_raw(fd, topic, 0, (void *)~4095ull, 1, 64), -EFAULT);
	}
}

TEST(huge_count, "a count of 2^32 - 1 is only room")
{
	struct drm_weft_pool_info p;
	int fd = pool_open();

	CHECK_EQ(query_raw(fd, 0, 0, &p, ~0u, sizeof(p)), 0);
	CHECK(p.features & DRM_WEFT_FEATURE_LATE);
}

TEST(unknown_ioctl, "ioctl numbers that are reserved or unknown are refused")
{
	static const int nr[] = { 0x07, 0x08, 0x15, 0x1f, 0x5f };
	char buf[256] = {};
	int fd = pool_open();

	for (size_t i = 0; i < ARRAY_SIZE(nr); i++) {
		long ret = ioc(fd, DRM_IOWR(DRM_COMMAND_BASE + nr[i], char[64]), buf);

		CHECK_MSG(ret == -EINVAL || ret == -ENOTTY, "ioctl %#x: %s", nr[i], tap_value(ret));
	}
}

/* ioctl size is part of its number; DRM cuts and pads: an old or a new caller works */
TEST(ioctl_size, "a shorter or longer argument structure is zero-extended")
{
	struct {
		struct drm_weft_query q;
		uint64_t future[4];
	} big = { .q = { .topic = DRM_WEFT_QUERY_DEVICES, .stride = 8 } };
	struct drm_weft_query q = { .topic = DRM_WEFT_QUERY_DEVICES, .stride = 8 };
	int fd = pool_open();

	CHECK_EQ(ioc(fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_WEFT_QUERY, big), &big), 0);
	CHECK_EQ(big.q.count, 2);
	CHECK_EQ(ioc(fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_WEFT_QUERY, char[16]), &q), 0);
	CHECK_EQ(q.count, 2);
}

TEST(fdinfo, "fdinfo tells the driver and the client")
{
	char path[64], buf[4096], want[64];
	struct drm_weft_client_info i;
	int fd = pool_open();

	client_info(fd, &i);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	CHECK(file_read(path, buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "drm-driver:\tweft"));
	snprintf(want, sizeof(want), "drm-client-id:");
	CHECK(strstr(buf, want));
}
