// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ordered tree whose nodes carry device masks.
 *
 * DOC: scheduler tree
 *
 * The fair order asks one question in its inner loop: which is the first member, in key order,
 * that could use one of these devices? A treap with the union of masks kept per subtree answers
 * it in logarithmic expected time however many members in front can use none of them. The heap
 * key is a fixed hash of the minor key, so that the shape, too, is the same in a replay.
 *
 * Rejected: the kernel's rbtree (its augmentation callbacks would have to be written a second
 * time for user space); a list (a client may have a hundred thousand READY jobs).
 */
#include "tree.h"

static bool weft_tree_before(const struct weft_tree_node *a, const struct weft_tree_node *b)
{
	if (a->major != b->major)
		return (s64)(a->major - b->major) < 0;
	return a->minor < b->minor;
}

static void weft_tree_refresh(struct weft_tree_node *node)
{
	node->all = node->mask;
	if (node->child[0])
		node->all |= node->child[0]->all;
	if (node->child[1])
		node->all |= node->child[1]->all;
}

static void weft_tree_refresh_up(struct weft_tree_node *node)
{
	for (; node; node = node->parent)
		weft_tree_refresh(node);
}

/* Let @node, which may be NULL, take the place of @old under @old's parent. */
static void weft_tree_replace(struct weft_tree *tree, struct weft_tree_node *old,
			      struct weft_tree_node *node)
{
	struct weft_tree_node *parent = old->parent;

	if (!parent)
		tree->root = node;
	else
		parent->child[parent->child[1] == old] = node;
	if (node)
		node->parent = parent;
}

/* Rotate @node above its parent. */
static void weft_tree_lift(struct weft_tree *tree, struct weft_tree_node *node)
{
	struct weft_tree_node *parent = node->parent;
	int side = parent->child[1] == node;
	struct weft_tree_node *inner = node->child[!side];

	weft_tree_replace(tree, parent, node);
	node->child[!side] = parent;
	parent->parent = node;
	parent->child[side] = inner;
	if (inner)
		inner->parent = parent;
	weft_tree_refresh(parent);
	weft_tree_refresh(node);
}

void weft_tree_insert(struct weft_tree *tree, struct weft_tree_node *node)
{
	struct weft_tree_node **link = &tree->root;
	struct weft_tree_node *parent = NULL;

	while (*link) {
		parent = *link;
		link = &parent->child[weft_tree_before(parent, node)];
	}
	*link = node;
	node->parent = parent;
	node->child[0] = NULL;
	node->child[1] = NULL;
	node->all = node->mask;
	node->heap = weft_mix64(node->minor);
	while (node->parent && node->heap > node->parent->heap)
		weft_tree_lift(tree, node);
	weft_tree_refresh_up(node->parent);
}

void weft_tree_erase(struct weft_tree *tree, struct weft_tree_node *node)
{
	while (node->child[0] && node->child[1])
		weft_tree_lift(tree, node->child[node->child[1]->heap > node->child[0]->heap]);
	weft_tree_replace(tree, node, node->child[0] ? node->child[0] : node->child[1]);
	weft_tree_refresh_up(node->parent);
	node->parent = NULL;
}

void weft_tree_mask_set(struct weft_tree_node *node, u64 mask)
{
	node->mask = mask;
	weft_tree_refresh_up(node);
}

struct weft_tree_node *weft_tree_first(const struct weft_tree *tree, u64 mask)
{
	struct weft_tree_node *node = tree->root;

	if (!node || !(node->all & mask))
		return NULL;
	for (;;) {
		if (node->child[0] && (node->child[0]->all & mask)) {
			node = node->child[0];
			continue;
		}
		if (node->mask & mask)
			return node;
		node = node->child[1];
	}
}
