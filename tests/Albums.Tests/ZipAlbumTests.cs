using System.IO.Compression;
using System.Text;
using Albums.Contracts;
using Albums.Zip;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

public sealed class ZipAlbumTests : IAsyncLifetime
{
    private const int MiB = 1 << 20;

    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => workshop = await AlbumWorkshop.CreateAsync();

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    /// <summary>Parts of 8 MiB: losing the second video keeps the first part and moves all others.</summary>
    [Fact]
    public async Task A_file_that_vanishes_while_packing_costs_only_the_parts_from_it_on()
    {
        await PutAsync(("a.mov", 10 * MiB), ("b.mov", 60 * MiB), ("c.mov", 10 * MiB));
        var id = await workshop.RequestAsync("a.mov", "b.mov", "c.mov");
        await workshop.BreakOffAsync(id, 1);
        await workshop.Objects.DeleteAsync("b.mov", Cancel);
        await workshop.AttemptAsync(id);

        Assert.Equal(["a.mov", "c.mov", "_MISSING.txt"], await workshop.EntriesAsync(id));
        Assert.Contains("b.mov: it is not in the store any more", await TextAsync(id, "_MISSING.txt"), StringComparison.Ordinal);
        var history = await workshop.HistoryAsync(id);
        Assert.Equal(2, Assert.Single(history.OfType<Replanned>()).FromPart);
        Assert.Single(history.OfType<PartStored>(), part => part.Number == 1);
        Assert.Equal((2, 1), ((await workshop.AlbumAsync(id)).Completed!.Files, (await workshop.AlbumAsync(id)).Completed!.Skipped));
    }

    [Fact]
    public async Task A_file_that_is_replaced_while_packing_is_left_out_rather_than_mixed()
    {
        await PutAsync(("a.mov", 10 * MiB), ("b.mov", 60 * MiB), ("c.mov", 10 * MiB));
        var id = await workshop.RequestAsync("a.mov", "b.mov", "c.mov");
        await workshop.BreakOffAsync(id, 1);
        await PutAsync(("b.mov", 60 * MiB));
        await workshop.AttemptAsync(id);

        Assert.Equal(["a.mov", "c.mov", "_MISSING.txt"], await workshop.EntriesAsync(id));
        Assert.Contains("replaced", await TextAsync(id, "_MISSING.txt"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_album_of_which_nothing_is_left_fails_and_can_be_replayed()
    {
        var id = await workshop.RequestAsync("a.jpg", "b.jpg");
        await workshop.AttemptAsync(id);
        Assert.Equal("NO_FILES", (await workshop.AlbumAsync(id)).Failure!.Reason);

        await PutAsync(("a.jpg", 1000));
        await ReplayAsync(id);
        Assert.Equal(["a.jpg", "_MISSING.txt"], await workshop.EntriesAsync(id));
    }

    [Fact]
    public async Task The_last_file_may_vanish_too()
    {
        await PutAsync(("a.mov", 60 * MiB));
        var id = await workshop.RequestAsync("a.mov");
        await workshop.BreakOffAsync(id, 2); // the first waits for the CRC of all that follows
        await workshop.Objects.DeleteAsync("a.mov", Cancel);
        await workshop.AttemptAsync(id);
        Assert.Equal("NO_FILES", (await workshop.AlbumAsync(id)).Failure!.Reason);

        await PutAsync(("a.mov", 9 * MiB));
        await ReplayAsync(id);
        Assert.Equal(["a.mov"], await workshop.EntriesAsync(id));
        Assert.Equal((1, 0), ((await workshop.AlbumAsync(id)).Completed!.Files, (await workshop.AlbumAsync(id)).Completed!.Skipped));
    }

    /// <summary>No store can hold these; some of them would leave its folder.</summary>
    [Fact]
    public async Task A_key_that_cannot_be_costs_a_line_and_not_the_album()
    {
        await PutAsync(("a.jpg", 1000));
        var id = await workshop.RequestAsync("a.jpg", "a//b.jpg", "../c.jpg", "/d.jpg");
        await workshop.AttemptAsync(id);
        Assert.Equal(["a.jpg", "_MISSING.txt"], await workshop.EntriesAsync(id));
        Assert.Equal(3, (await workshop.AlbumAsync(id)).Skipped.Count);
    }

    /// <summary>The second file's header lies across the end of the first part: that part and the next wait for bytes four parts on.</summary>
    [Fact]
    public async Task A_header_cut_in_two_keeps_nobody_waiting_for_ever()
    {
        await PutAsync(("a.mov", (8 * MiB) - 60), ("b.mov", 50 * MiB));
        var id = await workshop.RequestAsync("a.mov", "b.mov");
        await workshop.AttemptAsync(id).WaitAsync(TimeSpan.FromMinutes(1), Cancel);
        Assert.Equal(["a.mov", "b.mov"], await workshop.EntriesAsync(id));
    }

    /// <summary>Each part holds the end of one file and the beginning of the next, and waits for the part behind it.</summary>
    [Fact]
    public async Task Files_that_all_leave_their_part_keep_nobody_waiting_for_ever()
    {
        var files = Enumerable.Range(0, 10).Select(i => ($"{i}.jpg", 7 * MiB)).ToArray();
        await PutAsync(files);
        var id = await workshop.RequestAsync(files.Select(file => file.Item1));
        await workshop.AttemptAsync(id).WaitAsync(TimeSpan.FromMinutes(1), Cancel);
        Assert.Equal(files.Select(file => file.Item1), await workshop.EntriesAsync(id));
    }

    /// <summary>The ZIP is not synchronised part by part: after a power failure it is packed again, from the same plan.</summary>
    [Fact]
    public async Task A_machine_that_fails_while_packing_costs_its_parts_and_not_the_album()
    {
        await PutAsync(("a.mov", 20 * MiB));
        var undisturbed = await workshop.RequestAsync("a.mov");
        await workshop.AttemptAsync(undisturbed);
        var hash = await workshop.HashAsync(undisturbed);

        var id = await workshop.RequestAsync("a.mov");
        await workshop.BreakOffAsync(id, 1, 2);
        await workshop.AttemptAsync(id, BootedFolder.Open(workshop.StorageFolder, "after the failure"));

        Assert.Equal(hash, await workshop.HashAsync(id));
        var history = await workshop.HistoryAsync(id);
        Assert.Single(history.OfType<PlanFrozen>());
        Assert.Equal(2, history.OfType<MultipartBegun>().Count());
        Assert.Single(history.OfType<AlbumCompleted>());
    }

    /// <summary>R2 aborts an incomplete upload after seven days.</summary>
    [Fact]
    public async Task An_expired_upload_is_begun_anew_with_the_same_plan()
    {
        await PutAsync(("a.mov", 20 * MiB));
        var undisturbed = await workshop.RequestAsync("a.mov");
        await workshop.AttemptAsync(undisturbed);

        var id = await workshop.RequestAsync("a.mov");
        await workshop.BreakOffAsync(id, 1, 2);
        var upload = (await workshop.AlbumAsync(id)).Upload!;
        await workshop.Objects.AbortMultipartAsync(new MultipartUpload(upload.Key, upload.UploadId), Cancel);
        await workshop.AttemptAsync(id);

        Assert.Equal(await workshop.HashAsync(undisturbed), await workshop.HashAsync(id));
        var history = await workshop.HistoryAsync(id);
        Assert.Single(history.OfType<PlanFrozen>());
        Assert.Equal(2, history.OfType<MultipartBegun>().Count());
    }

    [Fact]
    public async Task A_part_that_the_store_has_otherwise_is_sent_again()
    {
        await PutAsync(("a.mov", 20 * MiB));
        var undisturbed = await workshop.RequestAsync("a.mov");
        await workshop.AttemptAsync(undisturbed);

        var id = await workshop.RequestAsync("a.mov");
        await workshop.BreakOffAsync(id, 1, 2);
        var album = await workshop.AlbumAsync(id);
        var part = album.Parts.Values.First();
        await using (var other = new BufferBody(new byte[part.SizeBytes], Crc32.Append(0, new byte[part.SizeBytes])))
        {
            var slot = new PartSlot(part.Number, (part.Number - 1) * album.Plan!.PartSizeBytes, part.SizeBytes);
            await workshop.Objects.PutPartAsync(new MultipartUpload(album.Upload!.Key, album.Upload.UploadId), slot, other, Cancel);
        }

        await workshop.AttemptAsync(id);
        Assert.Equal(await workshop.HashAsync(undisturbed), await workshop.HashAsync(id));
        Assert.Equal(part.Number, Assert.Single((await workshop.HistoryAsync(id)).OfType<PartInvalidated>()).Number);
    }

    [Fact]
    public async Task Of_two_workers_on_one_album_one_wins_and_no_event_stands_twice()
    {
        await PutAsync(("a.mov", 30 * MiB), ("b.jpg", 1000));
        var id = await workshop.RequestAsync("a.mov", "b.jpg");
        await Task.WhenAll(workshop.AttemptAsync(id), workshop.AttemptAsync(id), workshop.AttemptAsync(id));
        for (var attempt = 0; attempt < 3 && (await workshop.AlbumAsync(id)).Completed is null; attempt++)
        {
            await workshop.AttemptAsync(id); // all overtook each other; the job's retry goes on
        }

        var history = await workshop.HistoryAsync(id);
        Assert.Single(history.OfType<AlbumCompleted>());
        Assert.Equal([0, 1], history.OfType<FileZipped>().Select(file => file.Index));
        Assert.Equal(["b.jpg", "a.mov"], await workshop.EntriesAsync(id));
    }

    [Fact]
    public async Task An_album_takes_the_uploads_of_its_wedding_with_their_names_and_known_crcs()
    {
        await UploadAsync("creator/u/1/images/a-1.jpg", "IMG.jpg", 1000);
        await UploadAsync("creator/u/1/images/a-2.jpg", "IMG.jpg", 2000);
        await UploadAsync("creator/u/1/videos/v.mov", "Walzer.mov", 9 * MiB);
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested("ann-bob", [], null, [], DateTimeOffset.UnixEpoch);
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), Cancel);
        await workshop.AttemptAsync(id);
        Assert.Equal(["IMG.jpg", "IMG (2).jpg", "Walzer.mov"], await workshop.EntriesAsync(id));
    }

    /// <summary>The CRC that was computed at upload and the bytes in the store disagree: the store has lost bits.</summary>
    [Fact]
    public async Task A_file_that_is_damaged_in_the_store_is_left_out()
    {
        await PutAsync(("b.jpg", 1000));
        await UploadAsync("a.jpg", "a.jpg", 1000, crc32: 1);
        var id = await workshop.RequestAsync("a.jpg", "b.jpg");
        await workshop.AttemptAsync(id);
        Assert.Equal(["b.jpg", "_MISSING.txt"], await workshop.EntriesAsync(id));
        Assert.Contains("damaged", await TextAsync(id, "_MISSING.txt"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_album_of_a_prefix_keeps_its_folders()
    {
        await PutAsync(("trip/a.jpg", 10), ("trip/day 2/b.jpg", 10), ("trip/day 3/c.jpg", 10), ("other/d.jpg", 10));
        var whole = await OfPrefixAsync("trip/");
        Assert.Equal(["a.jpg", "day 2/b.jpg", "day 3/c.jpg"], await workshop.EntriesAsync(whole));
        var plan = await ZipPlan.LoadAsync(workshop.Objects, (await workshop.AlbumAsync(whole)).Plan!, Cancel);
        Assert.Equal([0, 1, 2], plan.Entries.Select(entry => entry.Index));
        Assert.Equal(["day 2/b.jpg", "day 3/c.jpg"], await workshop.EntriesAsync(await OfPrefixAsync("trip/d")));

        async Task<Guid> OfPrefixAsync(string prefix)
        {
            var id = Guid.CreateVersion7();
            var requested = new AlbumRequested("ann-bob", [], prefix, [], DateTimeOffset.UnixEpoch);
            await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), Cancel);
            await workshop.AttemptAsync(id);
            return id;
        }
    }

    [Fact]
    public async Task A_list_tells_planning_from_zipping()
    {
        await PutAsync(("a.jpg", 10));
        var id = await workshop.RequestAsync("a.jpg");
        foreach (var (call, status) in new[] { (1, "Planning"), (3, "Zipping") })
        {
            workshop.Storage.FailAt(call, afterEffect: false);
            await Assert.ThrowsAsync<StorageException>(() => workshop.AttemptAsync(id));
            Assert.Equal(status, await workshop.ListedStatusAsync(id));
        }
    }

    [Fact]
    public async Task What_a_failed_attempt_did_is_on_record()
    {
        await PutAsync(("a.mov", 20 * MiB));
        var id = await workshop.RequestAsync("a.mov");
        await workshop.BreakOffAsync(id, 1, 2);
        Assert.InRange(Assert.Single((await workshop.HistoryAsync(id)).OfType<WorkMetered>()).BytesIn, 16 * MiB, 21 * MiB);
        await workshop.AttemptAsync(id);
        Assert.Equal(2, (await workshop.HistoryAsync(id)).OfType<WorkMetered>().Count());
    }

    /// <summary>Neither are the CRCs known: the header of the video waits for its last part, over all turns.</summary>
    [Fact]
    public async Task An_album_that_makes_room_after_every_part_is_the_same_and_nothing_is_stored_twice()
    {
        await PutAsync(("a.jpg", 1000), ("b.mov", 50 * MiB), ("c.mov", 30 * MiB));
        var undisturbed = await workshop.RequestAsync("a.jpg", "b.mov", "c.mov");
        await workshop.AttemptAsync(undisturbed);

        workshop.Turns = new(_ => Task.FromResult(true), TimeSpan.Zero, TimeProvider.System);
        var id = await workshop.RequestAsync("a.jpg", "b.mov", "c.mov");
        var turns = 0;
        while ((await workshop.AlbumAsync(id)).IsWaitingForWork)
        {
            Assert.InRange(++turns, 1, 11); // parts

            // Somebody asks for room once a part is recorded: without the gate all parts may be under way by then.
            var recorded = (await workshop.AlbumAsync(id)).Parts.Count;
            var begun = 0;
            var storage = new GatedParts(workshop.Storage)
            {
                BeforePart = (_, _, cancel) =>
                    Interlocked.Increment(ref begun) == 1 ? Task.CompletedTask : workshop.WaitForPartsAsync(id, recorded + 1, cancel),
            };
            await workshop.AttemptAsync(id, storage);
        }

        Assert.Equal(await workshop.HashAsync(undisturbed), await workshop.HashAsync(id));
        var history = await workshop.HistoryAsync(id);
        Assert.Equal(turns - 1, history.OfType<AttemptYielded>().Count());
        Assert.InRange(turns, 2, 11);
        Assert.Equal(Enumerable.Range(1, 11), history.OfType<PartStored>().Select(part => part.Number).Order());
        Assert.Equal([0, 1, 2], history.OfType<FileZipped>().Select(file => file.Index));
        Assert.Equal(1, (await workshop.AlbumAsync(id)).Attempts);
    }

    private async Task ReplayAsync(Guid id)
    {
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(
            id, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(id, "admin"), DateTimeOffset.UnixEpoch), Cancel);
        await workshop.AttemptAsync(id);
    }

    private async Task PutAsync(params (string Key, int SizeBytes)[] files)
    {
        foreach (var (key, sizeBytes) in files)
        {
            var bytes = new byte[sizeBytes];
            Random.Shared.NextBytes(bytes);
            await workshop.PutAsync(key, bytes);
        }
    }

    private async Task UploadAsync(string key, string name, int sizeBytes, uint? crc32 = null)
    {
        var bytes = new byte[sizeBytes];
        Random.Shared.NextBytes(bytes);
        await workshop.UploadAsync(key, name, bytes, crc32);
    }

    private async Task<string> TextAsync(Guid id, string name)
    {
        await using var archive = await ZipFile.OpenReadAsync(await workshop.DownloadAsync(id));
        using var reader = new StreamReader(await archive.GetEntry(name)!.OpenAsync(), Encoding.UTF8);
        return await reader.ReadToEndAsync();
    }
}
