"""Whether this machine can draw through Vulkan, which Filament needs: it ends the process where no device is found."""

from __future__ import annotations

import ctypes
import functools

#: Debian and Ubuntu packages with the loader and the drivers, a software one among them.
PACKAGES = "libvulkan1 mesa-vulkan-drivers"

#: What to type where Vulkan is missing.
MEND = f"apt-get install {PACKAGES}"


class _InstanceInfo(ctypes.Structure):
    """VkInstanceCreateInfo, with nothing asked for."""

    _fields_ = [
        ("type", ctypes.c_int32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    ]


@functools.cache
def missing() -> str:
    """Return why nothing can be drawn through Vulkan here, "" if something can."""
    try:
        vulkan = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return "libvulkan.so.1 is not installed"
    instance, count = ctypes.c_void_p(), ctypes.c_uint32(0)
    info = _InstanceInfo(type=1)  # VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
    if vulkan.vkCreateInstance(ctypes.byref(info), None, ctypes.byref(instance)) != 0:
        return "no Vulkan driver is installed"
    try:
        status = vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
    finally:
        vulkan.vkDestroyInstance(instance, None)
    return "" if status == 0 and count.value else "no Vulkan device was found"
