using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>A hold on a multipart upload in a folder, by flock on its file <c>key</c>: shared, or alone. FolderMultipart.cs has the format.</summary>
internal sealed class FolderHold : IDisposable
{
    /// <summary>How often to try again where others hold it.</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly SafeFileHandle file;

    private FolderHold(SafeFileHandle file, bool isRebuildable)
    {
        this.file = file;
        IsRebuildable = isRebuildable;
    }

    /// <summary>Its bytes need not be on the disk.</summary>
    public bool IsRebuildable { get; }

    /// <param name="bootId">The only boot in which the upload is known; <see langword="null"/> for one that is synchronised.</param>
    public static void Record(string folder, string key, string? bootId) =>
        Disk.WriteText(PathOf(folder), bootId is null ? key : Rebuildable(key, bootId));

    /// <summary>The key of an upload, of whatever boot, and when it was begun.</summary>
    public static (string Key, DateTime BegunAt) Read(string folder) =>
        (File.ReadAllText(PathOf(folder)).Split('\n')[^1], File.GetLastWriteTimeUtc(PathOf(folder)));

    /// <summary>Takes hold of the upload; <see langword="null"/> where others have it.</summary>
    /// <exception cref="FileNotFoundException">It is not there, belongs to another key or boot, or is over.</exception>
    public static FolderHold? TryTake(string folder, string key, string? bootId, FileShare share)
    {
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(PathOf(folder), FileMode.Open, FileAccess.Read, share);
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
        {
            return null;
        }

        var bytes = new byte[RandomAccess.GetLength(file)];
        var record = Encoding.UTF8.GetString(bytes.AsSpan(0, RandomAccess.Read(file, bytes, 0)));
        var isRebuildable = bootId is not null && record == Rebuildable(key, bootId);
        if ((isRebuildable || record == key) && File.Exists(Path.Combine(folder, FolderPart.Body)))
        {
            return new FolderHold(file, isRebuildable);
        }

        file.Dispose();
        throw new FileNotFoundException($"The upload of {key} is not known here.");
    }

    public void Dispose() => file.Dispose();

    private static string PathOf(string folder) => Path.Combine(folder, "key");

    // No key has a line feed, so neither kind of record is ever taken for the other.
    private static string Rebuildable(string key, string bootId) => $"rebuildable {bootId}\n{key}";
}
