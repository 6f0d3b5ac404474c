// protobuf-c for Swift: the runtime library that the generated code in CMessages needs.
#pragma once
#include <protobuf-c/protobuf-c.h>
