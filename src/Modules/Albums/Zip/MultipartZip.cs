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
    JobTurn turn,
    ArrayPool<byte> buffers,
    TimeProvider clock)
{
    // Three is the least that never blocks (see PartPacker). Four hide a store's latency behind the other parts at 32 MiB of memory.
    private const int PartsInFlight = 4;

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

        var packer = new PartPacker(plan, layout, crcs, sources, storage, buffers, clock);
        var progress = stream.Album.Parts;
        var missing = Enumerable.Range(1, layout.PartCount).Except(progress.Keys);
        var packed = Channel.CreateBounded<PartStored>(PartsInFlight);
        var recording = RecordAsync(packed, crcs);
        try
        {
            await Parallel.ForEachAsync(
                WhileInTurnAsync(missing, () => stream.Album.Parts != progress, crcs, cancellationToken),
                new ParallelOptions { MaxDegreeOfParallelism = PartsInFlight, CancellationToken = cancellationToken },
                async (number, cancel) =>
                {
                    try
                    {
                        await packed.Writer.WriteAsync(await packer.PackAsync(upload, number, cancel), cancel);
                    }
                    catch (OperationCanceledException) when (crcs.HasEnded && !cancel.IsCancellationRequested)
                    {
                        // Its header waits for bytes of a later turn: it is read again then.
                    }
                });
        }
        finally
        {
            packed.Writer.TryComplete();
            await recording; // a rival's conflict is thrown from here, in place of the closed channel it caused
        }
    }

    // A turn without progress would follow another for ever.
    private async IAsyncEnumerable<int> WhileInTurnAsync(
        IEnumerable<int> parts, Func<bool> hasProgress, CrcLedger crcs, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var number in parts)
        {
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
