/* SPDX-License-Identifier: GPL-2.0-only */
/* An ordered tree whose nodes carry device masks; see tree.c. */
#ifndef WEFT_TREE_H
#define WEFT_TREE_H

#include "platform.h"

/**
 * struct weft_tree_node - a member of a tree
 * @parent: NULL at the root
 * @child: smaller keys at 0, larger keys at 1
 * @major: first key; keys of one tree lie within 2^63 of each other and may wrap
 * @minor: second key, unique in its tree
 * @mask: devices this member can use
 * @all: union of @mask over the subtree
 * @heap: keeps the tree balanced
 */
struct weft_tree_node {
	struct weft_tree_node *parent;
	struct weft_tree_node *child[2];
	u64 major;
	u64 minor;
	u64 mask;
	u64 all;
	u64 heap;
};

struct weft_tree {
	struct weft_tree_node *root;
};

/* @node's major, minor and mask are set by the caller */
void weft_tree_insert(struct weft_tree *tree, struct weft_tree_node *node);
void weft_tree_erase(struct weft_tree *tree, struct weft_tree_node *node);
void weft_tree_mask_set(struct weft_tree_node *node, u64 mask);
/* the first member that can use a device of @mask, or NULL */
struct weft_tree_node *weft_tree_first(const struct weft_tree *tree, u64 mask);

/* devices that some member can use; 0 if there is no member */
static inline u64 weft_tree_mask(const struct weft_tree *tree)
{
	return tree->root ? tree->root->all : 0;
}

#endif /* WEFT_TREE_H */
