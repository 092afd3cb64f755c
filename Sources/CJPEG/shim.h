#pragma once
#include <jpeglib.h>
#include <stdio.h>
