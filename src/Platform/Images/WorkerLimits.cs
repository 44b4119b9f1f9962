using System.Runtime.InteropServices;

namespace Platform.Images;

/// <summary>What an image worker may not do, whatever a file makes its decoders do: it asks the kernel to see to it, and cannot take it back.</summary>
internal static partial class WorkerLimits
{
    // A progressive JPEG of 100 million pixels is 600 MB of coefficients while it is decoded.
    private const ulong MostMemoryBytes = 1 << 30;

    // bits/resource.h and linux/prctl.h
    private const int FileSize = 1;
    private const int Data = 2;
    private const int CoreSize = 4;
    private const int NoNewPrivileges = 38;
    private const int FileSizeSignal = 25; // SIGXFSZ
    private const nint Ignore = 1; // SIG_IGN

    /// <summary>No more memory than the largest picture needs, no bytes into files, no dump of memory, no rights by running other programs.</summary>
    internal static void Apply()
    {
        if (OperatingSystem.IsLinux())
        {
            Limit(Data, MostMemoryBytes);

            // Orc, which compiles loops for libvips, tries a file first; told that it cannot, rather than ended, it takes memory.
            Signal(FileSizeSignal, Ignore);
            Limit(FileSize, 0);
            Limit(CoreSize, 0);
            Check(Control(NoNewPrivileges, 1, 0, 0, 0));
        }
    }

    /// <summary>Ends this process after so many seconds, also where the one that started it is gone. Zero: not any more.</summary>
    [LibraryImport("libc", EntryPoint = "alarm")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial uint EndIn(uint seconds);

    private static void Limit(int resource, ulong most) => Check(SetLimit(resource, new ResourceLimit { Now = most, Most = most }));

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new StartupException("The image worker cannot give up its rights.");
        }
    }

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetLimit(int resource, in ResourceLimit limit);

    /// <returns>What was done before.</returns>
    [LibraryImport("libc", EntryPoint = "signal")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Signal(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(int option, nuint first, nuint second, nuint third, nuint fourth);

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        internal ulong Now;
        internal ulong Most;
    }
}
