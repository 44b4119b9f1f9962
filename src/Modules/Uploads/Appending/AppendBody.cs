using System.Buffers;
using System.IO.Pipelines;
using Platform.Events;

namespace Uploads;

/// <summary>The request was told to end, by a newer one or because the host stops. What it brought is kept.</summary>
internal sealed class AppendInterruptedException() : Exception("The append was interrupted.");

/// <summary>The body of one append, read once into part buffers. Counts, CRC-32 and the digests asked for are computed on the way.</summary>
/// <param name="limitBytes">So much there may be; more is refused by <paramref name="refuse"/>.</param>
internal sealed class AppendBody(PipeReader source, long limitBytes, BodyDigests digests, Func<Exception> refuse)
{
    private long left = limitBytes;
    private bool isInterrupted;

    /// <summary>Whether nothing more will come, for good or ill.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Why the body is over without having ended; <see langword="null"/> where it has ended, or is not over.</summary>
    public Exception? BrokenBy { get; private set; }

    /// <summary>Fills up to <paramref name="room"/> bytes of a part, fewer where the body is over.</summary>
    /// <param name="crc32">Of the bytes before, to which the result belongs.</param>
    /// <exception cref="CommandRefusedException">The body has more than it may.</exception>
    public async Task<(long SizeBytes, uint Crc32)> ReadAsync(PartBuffer part, long offsetBytes, long room, uint crc32)
    {
        var taken = 0L;
        while (taken < room && !IsOver)
        {
            if (await NextAsync() is not { } read)
                break;
            var bytes = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, room - taken));
            if (bytes.Length > left)
            {
                source.AdvanceTo(read.Buffer.Start);
                throw refuse();
            }

            part.Write(offsetBytes + taken, bytes);
            crc32 = Pass(bytes, crc32);
            taken += bytes.Length;
            left -= bytes.Length;
            IsOver = read.IsCompleted && bytes.Length == read.Buffer.Length;
            source.AdvanceTo(bytes.End);
        }

        await ExpectEndAsync();
        return (taken, crc32);
    }

    /// <summary>
    /// Where all bytes there may be have come, waits for the body to end: before anybody takes them for the end of the file. Else nothing.
    /// </summary>
    /// <exception cref="CommandRefusedException">The body has more.</exception>
    public async Task ExpectEndAsync()
    {
        if (left > 0 || IsOver)
            return;
        if (await NextAsync() is { } read)
        {
            IsOver = read.IsCompleted && read.Buffer.IsEmpty;
            source.AdvanceTo(read.Buffer.Start);
            if (!IsOver)
            {
                throw refuse();
            }
        }
    }

    /// <summary>The next bytes, or the end; <see langword="null"/> where the body broke off.</summary>
    private async Task<ReadResult?> NextAsync()
    {
        try
        {
            while (!isInterrupted)
            {
                // Ended by its connection, by Kestrel's limits, or by CancelPendingRead: a token would leave the body unreadable.
                var read = await source.ReadAsync(CancellationToken.None);
                isInterrupted = read.IsCanceled;
                if (!read.Buffer.IsEmpty || read.IsCompleted)
                {
                    return read;
                }

                source.AdvanceTo(read.Buffer.Start);
            }

            BrokenBy = new AppendInterruptedException();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            BrokenBy = e;
        }

        IsOver = true;
        return null;
    }

    private uint Pass(ReadOnlySequence<byte> bytes, uint crc32)
    {
        foreach (var segment in bytes)
        {
            crc32 = Platform.Storage.Crc32.Append(crc32, segment.Span);
            digests.Append(segment.Span);
        }

        return crc32;
    }
}
