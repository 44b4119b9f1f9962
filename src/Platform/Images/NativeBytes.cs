using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Platform.Images;

/// <summary>Memory outside of the managed heap, which is small in a worker: libvips reads it where it is.</summary>
internal sealed unsafe class NativeBytes : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly int size;

    internal NativeBytes(int size)
        : base(ownsHandle: true)
    {
        this.size = size;
        SetHandle(Marshal.AllocHGlobal(size));
    }

    /// <summary>There until this is disposed.</summary>
    internal Span<byte> Span => new((void*)handle, size);

    protected override bool ReleaseHandle()
    {
        Marshal.FreeHGlobal(handle);
        return true;
    }
}
