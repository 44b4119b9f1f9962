using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>The few things the folder store does with files. Faults of the disk come out as <see cref="StorageError.Unavailable"/>.</summary>
internal static partial class Disk
{
    // Big enough to make system calls cheap, small enough to stay in a core's cache between reading, CRC and writing.
    internal const int BlockBytes = 128 * 1024;

    /// <summary>Writes exactly <paramref name="sizeBytes"/> of the body at an offset and returns their CRC-32. Faults of the body pass as they are.</summary>
    /// <param name="turn">
    /// Taken for each write where others write to the same file. Linux locks a file for each write, and a thread that waits for that lock
    /// burns a processor.
    /// </param>
    public static async Task<uint> WriteAsync(
        SafeFileHandle file, long offsetBytes, Stream body, long sizeBytes, SemaphoreSlim? turn, CancellationToken cancellationToken)
    {
        if (body is BufferBody { Position: 0 } memory && memory.Length == sizeBytes)
        {
            Write(file, memory.Bytes.Span, offsetBytes);
            return memory.Crc32;
        }

        var known = body as Crc32Stream;
        var crc = 0u;
        var done = 0L;
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            while (done < sizeBytes)
            {
                var wanted = (int)Math.Min(BlockBytes, sizeBytes - done);
                var bytes = buffer.AsMemory(0, await body.ReadAtLeastAsync(
                    buffer.AsMemory(0, wanted), wanted, throwOnEndOfStream: false, cancellationToken));
                crc = known is null ? Crc32.Append(crc, bytes.Span) : crc;
                await (turn?.WaitAsync(cancellationToken) ?? Task.CompletedTask);
                try
                {
                    Write(file, bytes.Span, offsetBytes + done);
                }
                finally
                {
                    turn?.Release();
                }

                done += bytes.Length;
                if (bytes.Length < wanted)
                {
                    break;
                }
            }

            if (done < sizeBytes || await body.ReadAsync(buffer.AsMemory(0, 1), cancellationToken) > 0)
            {
                throw new StorageException(StorageError.BodySizeMismatch, $"The body does not hold {sizeBytes} bytes as announced.");
            }

            return known?.Crc32 ?? crc;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes bytes at an offset, on the calling thread.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offsetBytes)
    {
        // Synchronous: RandomAccess.WriteAsync would block another thread of the pool for the same call, and pay for the hop.
        try
        {
            // In blocks: one large write makes the kernel look for large free pages, which on a virtual machine cost several times the copy.
            while (bytes.Length > 0)
            {
                var block = bytes[..Math.Min(bytes.Length, BlockBytes)];
                RandomAccess.Write(file, block, offsetBytes);
                bytes = bytes[block.Length..];
                offsetBytes += block.Length;
            }
        }
        catch (IOException e)
        {
            throw new StorageException(StorageError.Unavailable, e.Message, e);
        }
    }

    /// <summary>Copies a range between files, inside the kernel where that is possible (some file systems then share the blocks).</summary>
    public static async Task CopyAsync(
        SafeFileHandle source, ByteRange range, SafeFileHandle target, long targetOffsetBytes, CancellationToken cancellationToken)
    {
        var (from, to) = (range.OffsetBytes, targetOffsetBytes);
        while (OperatingSystem.IsLinux() && from < range.EndBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var piece = (nuint)Math.Min(range.EndBytes - from, 64 << 20);

            // Refused between file systems, and on some kinds of them: then the loop below does it.
            if (CopyFileRange(source, ref from, target, ref to, piece, 0) <= 0)
            {
                break;
            }
        }

        if (from < range.EndBytes)
        {
            await using var rest = new FileRangeStream(source, new ByteRange(from, range.EndBytes - from), ownsFile: false);
            await WriteAsync(target, to, rest, range.EndBytes - from, turn: null, cancellationToken);
        }
    }

    public static SafeFileHandle Open(string path, FileMode mode, FileAccess access, FileShare share) =>
        Guard(() => File.OpenHandle(path, mode, access, share));

    /// <summary>Creates a small file, synchronised.</summary>
    public static void WriteText(string path, string text)
    {
        using var file = Open(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        Guard(() => RandomAccess.Write(file, System.Text.Encoding.UTF8.GetBytes(text), 0));
        Sync(file);
    }

    /// <summary>Returns once the file's bytes are on the disk.</summary>
    public static void Sync(SafeFileHandle file) => Guard(() => RandomAccess.FlushToDisk(file));

    /// <summary>Returns once the names in a folder are on the disk. Windows has no such call and journals names by itself.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder is not there any more.</exception>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // File.OpenHandle refuses folders.
        using var folder = new SafeFileHandle(OpenToRead(path, 0), ownsHandle: true);
        if (folder.IsInvalid || FileSync(folder) != 0)
        {
            const int NoSuchEntry = 2; // ENOENT
            throw Marshal.GetLastPInvokeError() == NoSuchEntry ? new DirectoryNotFoundException(path) : new StorageException(
                StorageError.Unavailable, $"The folder {path} cannot be synchronised: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    /// <summary>Waits until it alone holds a folder. For moments only: the thread waits.</summary>
    public static SafeFileHandle LockFolder(string path)
    {
        const int Exclusive = 2; // LOCK_EX
        var folder = new SafeFileHandle(OpenToRead(path, 0), ownsHandle: true);
        return FileLock(folder, Exclusive) == 0 ? folder : throw new StorageException(
            StorageError.Unavailable, $"The folder {path} cannot be locked: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    /// <summary>Creates a folder with those above it, each synchronised in the one above.</summary>
    public static void CreateFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            var above = Path.GetDirectoryName(path)!;
            CreateFolder(above);
            Directory.CreateDirectory(path);
            SyncFolder(above);
        }
    }

    /// <summary>Synchronises a folder that lost a file, then removes it and those above it as long as they are empty, up to a root that stays.</summary>
    public static void SyncOrRemoveFolders(string path, string root)
    {
        try
        {
            SyncFolder(path);
            for (; path.Length > root.Length && !Directory.EnumerateFileSystemEntries(path).Any(); path = Path.GetDirectoryName(path)!)
            {
                Directory.Delete(path);
            }
        }
        catch (IOException)
        {
            // A new file came to it, or another deletion was faster.
        }
    }

    public static bool IsBelowFile(string path) => File.Exists(path) || (Path.GetDirectoryName(path) is { } above && IsBelowFile(above));

    /// <summary>Runs a file operation. A missing file or folder passes as it is: the caller knows what that means.</summary>
    public static T Guard<T>(Func<T> operation)
    {
        try
        {
            return operation();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new StorageException(StorageError.Unavailable, e.Message, e);
        }
    }

    /// <inheritdoc cref="Guard{T}"/>
    public static void Guard(Action operation) => Guard(() =>
    {
        operation();
        return true;
    });

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenToRead(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileLock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "copy_file_range")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint CopyFileRange(
        SafeFileHandle source, ref long sourceOffset, SafeFileHandle target, ref long targetOffset, nuint sizeBytes, uint flags);
}
