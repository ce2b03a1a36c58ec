#pragma once

// The name of the file layer over that one (NULL is the default) that writes what belongs together
// to a write-ahead log at once; NULL when there is no memory.
const char *joining_layer(const char *below);
