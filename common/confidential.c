/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * In a confidential VM memory is encrypted against the host, and the host is not trusted. Hyper-V says so in
 * its own CPUID leaves (Hypervisor Top-Level Functional Specification, "Isolation Configuration"): 0x40000003
 * EBX bit 22, unless bit 12 (CpuManagement) marks the root partition; the kind in 0x4000000C EBX. A TD
 * without a paravisor has leaf 0x21 instead.
 */

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/units.h"

#ifdef __x86_64__
#include <cpuid.h>

#define LEAF_TDX               0x21U
#define LEAF_HYPERVISOR        0x40000000U
#define LEAF_HYPERV_FEATURES   0x40000003U
#define LEAF_HYPERV_ISOLATION  0x4000000CU
#define FEATURE_CPU_MANAGEMENT (1U << 12)
#define FEATURE_ISOLATION      (1U << 22)

enum { ISOLATION_KIND_MASK = 0xF, ISOLATION_SNP = 2, ISOLATION_TDX = 3 };

typedef struct Leaf {
        uint32_t eax, ebx, ecx, edx;
} Leaf;

static Leaf leaf_at(uint32_t number) {
        Leaf leaf;

        __cpuid_count(number, 0, leaf.eax, leaf.ebx, leaf.ecx, leaf.edx);
        return leaf;
}

static bool has_signature(uint32_t a, uint32_t b, uint32_t c, const char *signature) {
        const uint32_t words[] = { a, b, c };

        return memcmp(words, signature, sizeof(words)) == 0;
}

static bool runs_on_hypervisor(void) {
        return leaf_at(1).ecx & (1U << 31);
}

static bool is_isolated_by_hyperv(void) {
        Leaf hypervisor = leaf_at(LEAF_HYPERVISOR);
        uint32_t features, kind;

        if (!has_signature(hypervisor.ebx, hypervisor.ecx, hypervisor.edx, "Microsoft Hv") ||
            hypervisor.eax < LEAF_HYPERV_ISOLATION)
                return false;

        features = leaf_at(LEAF_HYPERV_FEATURES).ebx;
        if (!(features & FEATURE_ISOLATION) || (features & FEATURE_CPU_MANAGEMENT))
                return false;

        kind = leaf_at(LEAF_HYPERV_ISOLATION).ebx & ISOLATION_KIND_MASK;
        return kind == ISOLATION_SNP || kind == ISOLATION_TDX;
}

static bool is_trust_domain(void) {
        Leaf leaf;

        if (leaf_at(0).eax < LEAF_TDX)
                return false;
        leaf = leaf_at(LEAF_TDX);
        return has_signature(leaf.ebx, leaf.edx, leaf.ecx, "IntelTDX    ");
}

static bool processor_says_confidential(void) {
        return runs_on_hypervisor() && (is_isolated_by_hyperv() || is_trust_domain());
}
#else
static bool processor_says_confidential(void) {
        return false;
}
#endif

bool configuration_is_confidential(void) {
        const char *wanted = getenv("HVUTILS_CONFIDENTIAL");
        int r = wanted ? parse_boolean(wanted) : -1;

        return r >= 0 ? r > 0 : processor_says_confidential();
}
