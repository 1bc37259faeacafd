/* handlers.c: who takes the events of the lower half. */
#include "config.h"

#include "pool/handlers.h"

#include "pool/settle.h"

const struct events handlers = {
	.settle = settle,
};
