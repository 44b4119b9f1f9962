using System.Globalization;

namespace Benchmarks;

/// <summary>
/// Keeps all memory in use as cache, as it is on any machine that has worked for a while. A virtual machine gives free memory back to its host
/// and pays several times the cost of a copy for having it again: what was measured would depend on what ran before.
/// </summary>
/// <param name="path">Of a file of holes to read; it takes no room on the disk.</param>
internal sealed class FullMemory(string path) : IDisposable
{
    private readonly byte[] buffer = new byte[1 << 20];
    private readonly FileStream file = new(
        path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite, Options = FileOptions.DeleteOnClose, BufferSize = 0 });

    /// <summary>Reads holes until hardly any memory is free; the oldest cache makes room for the next who wants some.</summary>
    public void Fill()
    {
        if (file.Length == 0)
        {
            file.SetLength(2 * KilobytesOf("MemTotal") * 1024);
        }

        const long Enough = 1 << 20; // 1 GiB: the kernel begins to make room at about that
        for (var free = KilobytesOf("MemFree"); free > Enough && file.Position < file.Length; free = KilobytesOf("MemFree"))
        {
            for (var left = (free - Enough) * 1024; left > 0 && file.Read(buffer) > 0; left -= buffer.Length)
            {
            }
        }

        if (file.Position == file.Length)
        {
            file.Position = 0;
        }
    }

    public void Dispose() => file.Dispose();

    private static long KilobytesOf(string name) => long.Parse(
        File.ReadLines("/proc/meminfo").First(line => line.StartsWith(name + ":", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}
