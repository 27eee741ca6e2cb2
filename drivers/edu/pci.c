// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: edu on its bus
 *
 * What PCI asks of a driver: claim the device, map its registers, set its DMA mask, get its
 * interrupt and hand it to weft; and take it back when it is unbound, pulled out, fails or is to
 * sleep. Resources are managed (devm, pcim), so remove() has one duty: to end all use of them.
 *
 * A bus error is a loss and a return: jobs go elsewhere at once. Rejected: waiting for the recovery
 * (nobody knows how long it takes, and memory cannot be trusted afterwards anyway).
 */
#include <linux/module.h>

#include "edu.h"

static unsigned long memory = SZ_1M;
module_param(memory, ulong, 0444);
MODULE_PARM_DESC(memory, "bytes of memory that each device is lent, multiple of 4 KiB");

static int edu_register(struct edu *edu)
{
	struct weft_device_desc desc = {
		.vendor = "QEMU",
		.model = "edu",
		.dev_class = DRM_WEFT_CLASS_NPU,
		.caps = WEFT_CAP_ABORT | WEFT_CAP_EARLY | WEFT_CAP_DMA,
		.preempt_level = 1,
		.isas = { WEFT_EDU_ISA },
		.engines = { { .kind = WEFT_ENGINE_COMPUTE, .credits = 1 } },
		.engine_count = 1,
		.memory_size = edu->memory_size,
		.memory_base = edu->memory_base,
		.numa_node = dev_to_node(&edu->pdev->dev),
		.link_kind = "pci",
		.bandwidth_down = 1000,
		.bandwidth_up = 1000,
		.link_latency = 1000,
	};

	edu->wdev = weft_device_register(&edu->pdev->dev, &desc, &weft_edu_ops, edu);
	return PTR_ERR_OR_ZERO(edu->wdev);
}

/* Afterwards nobody uses the device, and it cannot use memory. */
static void edu_unregister(struct edu *edu, bool lost)
{
	if (!IS_ERR_OR_NULL(edu->wdev))
		weft_device_unregister(edu->wdev, lost);
	edu->wdev = NULL;
	pci_clear_master(edu->pdev);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct edu *edu;
	int ret;

	edu = devm_kzalloc(dev, sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	edu->pdev = pdev;
	mutex_init(&edu->copying);
	mutex_init(&edu->lending);
	init_waitqueue_head(&edu->idle);
	spin_lock_init(&edu->lock);
	pci_set_drvdata(pdev, edu);
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu->regs = pcim_iomap_region(pdev, 0, "weft_edu");
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	if (!edu_answers(edu))
		return dev_err_probe(dev, -ENODEV, "does not answer as an edu device does\n");

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(EDU_ADDRESS_BITS));
	if (ret)
		return ret;
	edu->memory_size = memory;
	edu->memory = dmam_alloc_coherent(dev, memory, &edu->memory_base, GFP_KERNEL);
	if (!edu->memory)
		return -ENOMEM;

	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	edu->irq = pci_irq_vector(pdev, 0);
	ret = devm_request_threaded_irq(dev, edu->irq, NULL, weft_edu_irq, IRQF_ONESHOT,
					"weft_edu", edu);
	if (ret)
		return ret;
	/*
	 * A device that was without power, or without driver, may still be at a transfer: a new one
	 * would not be started, and the end of the old one would be taken for its end.
	 */
	ret = weft_edu_settle(edu);
	if (ret)
		return dev_err_probe(dev, ret, "is busy for somebody else\n");
	pci_set_master(pdev);
	/* what reset() and the end of a bus error go back to */
	pci_save_state(pdev);
	return edu_register(edu);
}

/* Orderly (unbound, slot to be switched off) or because it is no longer there. */
static void edu_remove(struct pci_dev *pdev)
{
	edu_unregister(pci_get_drvdata(pdev), !pci_device_is_present(pdev));
}

static pci_ers_result_t edu_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	edu_unregister(pci_get_drvdata(pdev), true);
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	return PCI_ERS_RESULT_NEED_RESET;
}

/* The bus works again; if the error was a small one, it always did. */
static void edu_error_resume(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	if (edu->wdev)
		return;
	pci_restore_state(pdev);
	pci_save_state(pdev);
	if (!edu_answers(edu) || weft_edu_settle(edu) || edu_register(edu))
		pci_err(pdev, "does not return after a bus error\n");
}

static const struct pci_error_handlers edu_error_handlers = {
	.error_detected = edu_error_detected,
	.resume = edu_error_resume,
};

/* Without power memory would be lost: weft saves it. The PCI core does so with the bus side. */
static int edu_suspend(struct device *dev)
{
	struct edu *edu = dev_get_drvdata(dev);

	if (!IS_ERR_OR_NULL(edu->wdev))
		weft_device_suspend(edu->wdev);
	return 0;
}

static int edu_resume(struct device *dev)
{
	struct edu *edu = dev_get_drvdata(dev);

	pci_save_state(edu->pdev);
	if (!IS_ERR_OR_NULL(edu->wdev))
		weft_device_resume(edu->wdev);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(edu_pm_ops, edu_suspend, edu_resume);

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "weft_edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
	.err_handler = &edu_error_handlers,
	.driver.pm = pm_sleep_ptr(&edu_pm_ops),
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("weft backend of QEMU's edu device");
MODULE_LICENSE("GPL");
