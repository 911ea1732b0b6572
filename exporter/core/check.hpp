#pragma once

#include "exporter/base/check.hpp"
