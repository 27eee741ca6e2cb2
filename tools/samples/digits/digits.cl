//weft kernels gemm_i8 argmax best
//weft options -cl-std=CL1.2
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels of the digits in OpenCL C.
 *
 * DOC: digits kernels
 *
 * Parameters are in the order of the structures of drm/weft_sim.h, which arguments are for all
 * devices. Sums wrap, so they are unsigned; results are the same to the bit everywhere. The grid is
 * columns x rows for gemm_i8, rows for argmax, results for best.
 */

struct best {
	int value;
	uint index;
};

__kernel void gemm_i8(__global int *c, __global const char *a, __global const char *b, uint m,
		      uint n, uint k)
{
	size_t column = get_global_id(0), row = get_global_id(1);
	uint sum = 0;

	if (column >= n || row >= m)
		return;
	for (size_t i = 0; i < k; i++)
		sum += (uint)((int)a[row * k + i] * b[column * k + i]);
	c[row * n + column] = as_int(sum);
}

__kernel void argmax(__global struct best *dst, __global const int *src, __global const int *bias,
		     uint m, uint n, int scale, uint base)
{
	size_t row = get_global_id(0);
	struct best best = { INT_MIN, 0 };

	if (row >= m)
		return;
	for (size_t i = 0; i < n; i++) {
		uint add = bias ? as_uint(bias[i]) : 0;
		int value = as_int(as_uint(scale) * as_uint(src[row * n + i]) + add);

		if (i && value <= best.value)
			continue;
		best.value = value;
		best.index = base + (uint)i;
	}
	dst[row] = best;
}

__kernel void best(__global struct best *dst, __global const struct best *src, uint count,
		   uint sources)
{
	size_t at = get_global_id(0);
	struct best best;

	if (at >= count)
		return;
	best = src[at];
	for (size_t i = 1; i < sources; i++) {
		struct best other = src[i * count + at];

		if (other.value > best.value ||
		    (other.value == best.value && other.index < best.index))
			best = other;
	}
	dst[at] = best;
}
