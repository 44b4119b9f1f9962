using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Assets.Client;

/// <summary>Tells files from what only looks like one: opening a pipe to read it waits until somebody writes.</summary>
internal static partial class PlainFile
{
    private const int NoWait = 0x800; // O_RDONLY | O_NONBLOCK, of Linux

    /// <param name="file">Exists.</param>
    public static bool Is(FileInfo file) =>
        (file.Attributes & (FileAttributes.Device | FileAttributes.Directory)) == 0
        && (file.Length > 0 || !OperatingSystem.IsLinux() || CanSeek(file.FullName));

    // Pipes, sockets and terminals have no length, and no place to go to.
    private static bool CanSeek(string path)
    {
        using var handle = new SafeFileHandle(Open(path, NoWait), ownsHandle: true);
        return handle.IsInvalid ? throw new IOException(Marshal.GetLastPInvokeErrorMessage()) : Seek(handle, 0, 0) == 0;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "lseek")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial long Seek(SafeFileHandle file, long offset, int origin);
}
