#include "CCaffeSchema.h"
