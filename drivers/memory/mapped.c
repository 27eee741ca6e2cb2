// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: mapped
 *
 * A backend may have to show host pages of a buffer to somebody, a process for instance, and would
 * rather do so once than for each copy. It attaches a user to the buffer and is told when the
 * buffer dies. It is not asked to wait for anything then: it takes the pages away from where they
 * are mapped, and who has pinned one keeps it from being used again, because pages are freed by
 * their reference count.
 *
 * One lock for all: it is taken when a mapping is made or goes, not when it is used, and held for
 * moments. A lock per buffer could not be taken by a backend whose mapping goes first: it does not
 * know whether the buffer is still there.
 *
 * Rejected: telling every device of a pool of every buffer that dies.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "memory.h"

/* Protects the lists of users; held around gone(). Outside whatever a backend takes there. */
static DEFINE_MUTEX(weft_host_lock);

static struct weft_bo *weft_host_bo(const struct weft_host *host)
{
	return container_of(host, struct weft_bo, mapped);
}

void weft_host_attach(struct weft_host *host, struct weft_host_user *user)
{
	mutex_lock(&weft_host_lock);
	user->host = host;
	list_add(&user->node, &host->users);
	mutex_unlock(&weft_host_lock);
}
EXPORT_SYMBOL_GPL(weft_host_attach);

void weft_host_detach(struct weft_host_user *user)
{
	mutex_lock(&weft_host_lock);
	if (user->host)
		list_del(&user->node);
	user->host = NULL;
	mutex_unlock(&weft_host_lock);
}
EXPORT_SYMBOL_GPL(weft_host_detach);

/* @bo dies: no copy of it is under way, so nobody attaches. */
void weft_host_gone(struct weft_bo *bo)
{
	struct weft_host_user *user;

	if (list_empty(&bo->mapped.users))
		return;
	mutex_lock(&weft_host_lock);
	while ((user = list_first_entry_or_null(&bo->mapped.users, struct weft_host_user, node))) {
		list_del(&user->node);
		user->host = NULL;
		user->gone(user);
	}
	mutex_unlock(&weft_host_lock);
}

u64 weft_host_id(const struct weft_host *host)
{
	return weft_host_bo(host)->sched.id;
}
EXPORT_SYMBOL_GPL(weft_host_id);

u64 weft_host_size(const struct weft_host *host)
{
	return weft_host_bo(host)->gem.size;
}
EXPORT_SYMBOL_GPL(weft_host_size);

struct page *weft_host_page(struct weft_host *host, unsigned long index)
{
	return weft_bo_page(weft_host_bo(host), index, __GFP_RETRY_MAYFAIL);
}
EXPORT_SYMBOL_GPL(weft_host_page);

bool weft_host_pinned(struct weft_host *host)
{
	struct weft_bo *bo = weft_host_bo(host);
	unsigned long first = 0, count, i;
	struct page **pages;
	struct folio *folio;

	while (first < bo->gem.size >> PAGE_SHIFT) {
		count = weft_bo_run(bo, first, &pages);
		for (i = 0; pages && i < count; i++) {
			folio = page_folio(pages[i]);
			/* one reference is ours, and each mapping has one */
			if (folio_ref_count(folio) - folio_mapcount(folio) > 1)
				return true;
		}
		first += count;
		cond_resched();
	}
	return false;
}
EXPORT_SYMBOL_GPL(weft_host_pinned);

void weft_host_quarantine(struct weft_host *host)
{
	WRITE_ONCE(weft_host_bo(host)->quarantined, true);
}
EXPORT_SYMBOL_GPL(weft_host_quarantine);
