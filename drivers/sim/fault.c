// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: fault injection
 *
 * The subdirectory fault/ of a simulated device. Runs and copies are counted from the moment a
 * file there was last written; after the first @after of them, one in @every is picked, and a
 * picked one suffers the faults that are armed. Each file holds how often its fault is still to
 * happen, so that one write makes one fault and a test knows which run it met. Nothing is drawn
 * at random.
 *
 * Rejected: the kernel's own fault attributes (CONFIG_FAULT_INJECTION is off in distribution
 * kernels, and probabilities make a failing test hard to repeat).
 */
#include "sim.h"

/* Takes one of @fault if any is left. */
static bool fault_take_locked(struct weft_sim_faults *faults, enum weft_sim_fault fault)
{
	int i;

	lockdep_assert_held(&faults->lock);
	if (!faults->left[fault])
		return false;
	if (faults->left[fault] > 0)
		faults->left[fault]--;
	faults->armed = false;
	for (i = 0; i < WEFT_SIM_FAULT_COUNT; i++)
		faults->armed |= faults->left[i] != 0;
	return true;
}

bool weft_sim_fault_take(struct weft_sim_faults *faults, enum weft_sim_fault fault)
{
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&faults->lock, flags);
	taken = fault_take_locked(faults, fault);
	spin_unlock_irqrestore(&faults->lock, flags);
	return taken;
}

static bool fault_picks_locked(struct weft_sim_faults *faults, u64 number)
{
	lockdep_assert_held(&faults->lock);
	return number > faults->after && !((number - faults->after) % faults->every);
}

/*
 * Counts a run. Returns the faults it suffers as a mask; @slow is what its modelled time is
 * multiplied by. A run that vanishes or hangs suffers nothing else.
 */
u32 weft_sim_fault_pick_run(struct weft_sim_faults *faults, u32 *slow)
{
	unsigned long flags;
	u32 mask = 0;

	*slow = 1;
	spin_lock_irqsave(&faults->lock, flags);
	if (fault_picks_locked(faults, ++faults->runs)) {
		if (fault_take_locked(faults, WEFT_SIM_FAULT_VANISH)) {
			mask = BIT(WEFT_SIM_FAULT_VANISH);
		} else if (fault_take_locked(faults, WEFT_SIM_FAULT_HANG)) {
			mask = BIT(WEFT_SIM_FAULT_HANG);
		} else {
			if (fault_take_locked(faults, WEFT_SIM_FAULT_ERROR))
				mask |= BIT(WEFT_SIM_FAULT_ERROR);
			if (fault_take_locked(faults, WEFT_SIM_FAULT_WRONG_ORDER))
				mask |= BIT(WEFT_SIM_FAULT_WRONG_ORDER);
			if (faults->left[WEFT_SIM_FAULT_SLOW])
				*slow = faults->left[WEFT_SIM_FAULT_SLOW];
		}
	}
	spin_unlock_irqrestore(&faults->lock, flags);
	return mask;
}

/* Counts a copy. Returns what it suffers: the bit of COPY_HANG, or of COPY_ERROR, or none. */
u32 weft_sim_fault_pick_copy(struct weft_sim_faults *faults)
{
	unsigned long flags;
	u32 mask = 0;

	spin_lock_irqsave(&faults->lock, flags);
	if (fault_picks_locked(faults, ++faults->copies)) {
		if (fault_take_locked(faults, WEFT_SIM_FAULT_COPY_HANG))
			mask = BIT(WEFT_SIM_FAULT_COPY_HANG);
		else if (fault_take_locked(faults, WEFT_SIM_FAULT_COPY_ERROR))
			mask = BIT(WEFT_SIM_FAULT_COPY_ERROR);
	}
	spin_unlock_irqrestore(&faults->lock, flags);
	return mask;
}

void weft_sim_faults_init(struct weft_sim_faults *faults)
{
	spin_lock_init(&faults->lock);
	faults->every = 1;
}

static struct weft_sim_directory *to_directory(struct config_item *item)
{
	return container_of(to_config_group(item), struct weft_sim_directory, fault_group);
}

static ssize_t fault_show(struct config_item *item, char *page, enum weft_sim_fault fault)
{
	return sysfs_emit(page, "%lld\n", READ_ONCE(to_directory(item)->faults.left[fault]));
}

static ssize_t fault_store(struct config_item *item, const char *page, size_t count,
			   enum weft_sim_fault fault)
{
	struct weft_sim_faults *faults = &to_directory(item)->faults;
	unsigned long flags;
	s64 value;
	int ret, i;

	ret = kstrtos64(page, 0, &value);
	if (ret)
		return ret;
	if (fault == WEFT_SIM_FAULT_SLOW ? value < 0 || value > U32_MAX : value < -1)
		return -EINVAL;
	spin_lock_irqsave(&faults->lock, flags);
	faults->left[fault] = value;
	faults->runs = 0;
	faults->copies = 0;
	faults->armed = false;
	for (i = 0; i < WEFT_SIM_FAULT_COUNT; i++)
		faults->armed |= faults->left[i] != 0;
	spin_unlock_irqrestore(&faults->lock, flags);
	return count;
}

#define WEFT_SIM_FAULT_ATTR(_name, _fault)						\
static ssize_t weft_sim_fault_##_name##_show(struct config_item *item, char *page)	\
{											\
	return fault_show(item, page, _fault);						\
}											\
static ssize_t weft_sim_fault_##_name##_store(struct config_item *item,			\
					      const char *page, size_t count)		\
{											\
	return fault_store(item, page, count, _fault);					\
}											\
CONFIGFS_ATTR(weft_sim_fault_, _name)

WEFT_SIM_FAULT_ATTR(hang, WEFT_SIM_FAULT_HANG);
WEFT_SIM_FAULT_ATTR(error, WEFT_SIM_FAULT_ERROR);
WEFT_SIM_FAULT_ATTR(wrong_order, WEFT_SIM_FAULT_WRONG_ORDER);
WEFT_SIM_FAULT_ATTR(slow, WEFT_SIM_FAULT_SLOW);
WEFT_SIM_FAULT_ATTR(copy_error, WEFT_SIM_FAULT_COPY_ERROR);
WEFT_SIM_FAULT_ATTR(copy_hang, WEFT_SIM_FAULT_COPY_HANG);
WEFT_SIM_FAULT_ATTR(abort_fails, WEFT_SIM_FAULT_ABORT_FAILS);
WEFT_SIM_FAULT_ATTR(reset_fails, WEFT_SIM_FAULT_RESET_FAILS);
WEFT_SIM_FAULT_ATTR(write_after_abort, WEFT_SIM_FAULT_WRITE_AFTER_ABORT);

static ssize_t weft_sim_fault_vanish_show(struct config_item *item, char *page)
{
	return fault_show(item, page, WEFT_SIM_FAULT_VANISH);
}

/* A number arms the fault as anywhere; "now" does not wait for a run. */
static ssize_t weft_sim_fault_vanish_store(struct config_item *item, const char *page,
					   size_t count)
{
	if (sysfs_streq(page, "now"))
		return weft_sim_directory_vanish(to_directory(item)) ?: count;
	return fault_store(item, page, count, WEFT_SIM_FAULT_VANISH);
}

CONFIGFS_ATTR(weft_sim_fault_, vanish);

static ssize_t window_store(struct config_item *item, const char *page, size_t count,
			    u64 *value, u64 min)
{
	struct weft_sim_faults *faults = &to_directory(item)->faults;
	unsigned long flags;
	u64 parsed;
	int ret;

	ret = kstrtou64(page, 0, &parsed);
	if (ret)
		return ret;
	if (parsed < min)
		return -EINVAL;
	spin_lock_irqsave(&faults->lock, flags);
	*value = parsed;
	faults->runs = 0;
	faults->copies = 0;
	spin_unlock_irqrestore(&faults->lock, flags);
	return count;
}

#define WEFT_SIM_FAULT_WINDOW(_name, _min)						\
static ssize_t weft_sim_fault_##_name##_show(struct config_item *item, char *page)	\
{											\
	return sysfs_emit(page, "%llu\n", READ_ONCE(to_directory(item)->faults._name));	\
}											\
static ssize_t weft_sim_fault_##_name##_store(struct config_item *item,			\
					      const char *page, size_t count)		\
{											\
	return window_store(item, page, count, &to_directory(item)->faults._name, _min); \
}											\
CONFIGFS_ATTR(weft_sim_fault_, _name)

WEFT_SIM_FAULT_WINDOW(every, 1);
WEFT_SIM_FAULT_WINDOW(after, 0);

struct configfs_attribute *weft_sim_fault_attrs[] = {
	&weft_sim_fault_attr_hang,
	&weft_sim_fault_attr_error,
	&weft_sim_fault_attr_wrong_order,
	&weft_sim_fault_attr_slow,
	&weft_sim_fault_attr_vanish,
	&weft_sim_fault_attr_copy_error,
	&weft_sim_fault_attr_copy_hang,
	&weft_sim_fault_attr_abort_fails,
	&weft_sim_fault_attr_reset_fails,
	&weft_sim_fault_attr_write_after_abort,
	&weft_sim_fault_attr_every,
	&weft_sim_fault_attr_after,
	NULL
};
