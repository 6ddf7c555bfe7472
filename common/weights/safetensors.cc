// SPDX-License-Identifier: Apache-2.0
#include "common/weights/safetensors.h"
