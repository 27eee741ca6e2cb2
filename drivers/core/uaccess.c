// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: arrays in the client ABI
 *
 * Arrays come as pointer, count and stride. A caller compiled against a newer header passes longer
 * elements: what we do not know must be zero, else it asks for something we would ignore. A
 * caller compiled against an older one passes or expects shorter elements where that is allowed.
 */
#include <linux/uaccess.h>

#include "core.h"

int weft_copy_element(u64 array, u32 index, u32 stride, const void *element, size_t size)
{
	void __user *to = u64_to_user_ptr(array) + (size_t)index * stride;
	size_t n = min_t(size_t, stride, size);

	if (copy_to_user(to, element, n))
		return -EFAULT;
	if (stride > n && clear_user(to + n, stride - n))
		return -EFAULT;
	return 0;
}

int weft_copy_array(void *to, size_t size, u64 from, u32 count, u32 stride)
{
	const void __user *user = u64_to_user_ptr(from);
	int ret;
	u32 i;

	if (!count)
		return 0;
	if (stride < size || stride > 4096 || stride % 8)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		ret = copy_struct_from_user(to + (size_t)i * size, size,
					    user + (size_t)i * stride, stride);
		if (ret)
			return ret == -E2BIG ? -EINVAL : ret;
	}
	return 0;
}
