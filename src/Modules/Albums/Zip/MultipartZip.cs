using System.Buffers;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Albums.Sources;
using Platform.Jobs;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// Brings a planned ZIP, or the next volume of one, into the store: packs the parts that are not there yet, a few at a time and in order, and records each once it
/// is safe. Effects come before the events that claim them, so a crash costs at most the parts in flight.
/// </summary>
internal sealed class MultipartZip(
    IObjectStorage storage,
    EntrySources sources,
    AlbumStream stream,
    ZipPlan plan,
    EarlierZip? earlier,
    JobTurn turn,
    ArrayPool<byte> buffers,
    TimeProvider clock)
{
    // Of parts in flight: each may be whole in memory.
    private const long MostBytes = 32 << 20;

    // The least that never blocks where CRCs have to be found, see PartPacker.
    private const int LeastParts = 3;

    // Doubled after each: some fifty seconds in all, with the store's own retries.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(16);

    private readonly ZipLayout layout = new(plan, stream.Album.Volumes.Count + 1);

    /// <summary>Packs what is missing and completes the upload.</summary>
    /// <returns>The finished object; <see langword="null"/> where the turn was over before: then at least one part more is safe.</returns>
    /// <exception cref="SourceLostException">A file can no longer be read: plan anew without it.</exception>
    /// <exception cref="StorageException"><see cref="StorageError.MultipartNotFound"/>: the upload expired, begin another.</exception>
    internal async Task<StoredObject?> FinishAsync(CancellationToken cancellationToken)
    {
        var upload = new MultipartUpload(stream.Album.Upload!.Key, stream.Album.Upload.UploadId);
        await DropLostPartsAsync(upload, cancellationToken);
        await PackMissingPartsAsync(upload, cancellationToken);
        if (stream.Album.Parts.Count < layout.PartCount)
        {
            return null;
        }

        var parts = stream.Album.Parts.Values.OrderBy(part => part.Number);
        return await storage.CompleteMultipartAsync(
            upload, [.. parts.Select(part => new StoredPart(part.Number, part.ETag, part.SizeBytes))], cancellationToken);
    }

    // What the store lists decides. A part it has but the stream does not know is sent again: nobody recorded its CRCs.
    private async Task DropLostPartsAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        var listed = (await storage.ListPartsAsync(upload, cancellationToken)).ToDictionary(part => part.Number, part => part.ETag);
        var lost = stream.Album.Parts.Values.Where(part => listed.GetValueOrDefault(part.Number) != part.ETag);
        await stream.AppendAsync([.. lost.Select(part => new PartInvalidated(part.Number))], cancellationToken);
    }

    private async Task PackMissingPartsAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        var crcs = new CrcLedger(plan);
        foreach (var segment in stream.Album.Parts.Values.SelectMany(part => part.Segments))
        {
            crcs.Add(segment);
        }

        var packer = new PartPacker(plan, layout, crcs, sources, earlier, storage, buffers, clock);
        var progress = stream.Album.Parts;
        var missing = Enumerable.Range(1, layout.PartCount).Except(progress.Keys);
        var most = (int)Math.Max(MostBytes / plan.PartSizeBytes, LeastParts);
        var window = new PartWindow(() => storage.Throttled, plan.EntriesToRead > 0 ? LeastParts : 1, most);
        var packed = Channel.CreateBounded<PartStored>(most);
        var recording = RecordAsync(packed, crcs);
        try
        {
            await Parallel.ForEachAsync(
                WhileInTurnAsync(missing, window, () => stream.Album.Parts != progress, crcs, cancellationToken),
                new ParallelOptions { MaxDegreeOfParallelism = most, CancellationToken = cancellationToken },
                async (number, cancel) =>
                {
                    try
                    {
                        await packed.Writer.WriteAsync(await PackAsync(packer, upload, number, cancel), cancel);
                    }
                    catch (OperationCanceledException) when (crcs.HasEnded && !cancel.IsCancellationRequested)
                    {
                        // Its header waits for bytes of a later turn: it is read again then.
                    }
                    finally
                    {
                        window.Leave();
                    }
                });
        }
        finally
        {
            packed.Writer.TryComplete();
            await recording; // a rival's conflict is thrown from here, in place of the closed channel it caused
        }
    }

    // A store that asks for less is there: the part keeps its place until others have made room.
    private async Task<PartStored> PackAsync(PartPacker packer, MultipartUpload upload, int number, CancellationToken cancellationToken)
    {
        for (var pause = FirstPause; ; pause *= 2)
        {
            var complaints = storage.Throttled;
            try
            {
                return await packer.PackAsync(upload, number, cancellationToken);
            }
            catch (StorageException e) when (e.Error is StorageError.Unavailable && storage.Throttled > complaints && pause <= LongestPause)
            {
                await Task.Delay(pause, clock, cancellationToken);
            }
        }
    }

    // A turn without progress would follow another for ever.
    private async IAsyncEnumerable<int> WhileInTurnAsync(
        IEnumerable<int> parts, PartWindow window, Func<bool> hasProgress, CrcLedger crcs, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var number in parts)
        {
            await window.EnterAsync(cancellationToken);
            if (hasProgress() && await turn.IsOverAsync(cancellationToken))
            {
                crcs.End();
                yield break;
            }

            yield return number;
        }
    }

    // One append for all parts that became safe while the append before was under way. It is not cancelled with the packing: parts that
    // are in the store already would otherwise be packed again.
    private async Task RecordAsync(Channel<PartStored> packed, CrcLedger crcs)
    {
        try
        {
            await RecordSafeFilesAsync([], crcs);
            while (await packed.Reader.WaitToReadAsync(CancellationToken.None))
            {
                var parts = new List<PartStored>();
                while (packed.Reader.TryRead(out var part))
                {
                    parts.Add(part);
                }

                await RecordSafeFilesAsync(parts, crcs);
            }
        }
        catch (Exception e)
        {
            packed.Writer.TryComplete(e); // stops the packing: nobody would record it
            throw;
        }
    }

    private async Task RecordSafeFilesAsync(List<PartStored> parts, CrcLedger crcs)
    {
        var safeParts = SafePartsWith(parts);
        var events = new List<IAlbumEvent>(parts);
        for (var entry = stream.Album.FilesZipped; entry < layout.EndEntry && layout.PartAt(layout.EndOf(entry) - 1) <= safeParts; entry++)
        {
            var crc32 = await crcs.OfAsync(entry, CancellationToken.None); // settled: its header is in a stored part
            events.Add(new FileZipped(entry, layout.OffsetOf(entry), plan.Entries[entry].SizeBytes, crc32));
        }

        await stream.AppendAsync(events, CancellationToken.None);
    }

    private int SafePartsWith(List<PartStored> parts)
    {
        var fresh = parts.Select(part => part.Number).ToHashSet();
        var number = layout.PartAt(layout.OffsetOf(stream.Album.FilesZipped)) - 1;
        while (fresh.Contains(number + 1) || stream.Album.Parts.ContainsKey(number + 1))
        {
            number++;
        }

        return number;
    }
}
