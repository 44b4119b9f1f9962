using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Platform.Storage;
using Xunit;

namespace Platform.Tests.Storage;

/// <summary>
/// What every store must do. A subclass names the store; keys begin with a prefix of the test's own, so tests share a bucket. Parts are small
/// unless the test is about their limits: a store that wants large ones says so by <see cref="PartSizeBytes"/>.
/// </summary>
public abstract class ObjectStorageConformance : IAsyncLifetime
{
    private readonly string prefix = $"t{Guid.CreateVersion7():N}/";
    private IObjectStorage? storage;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected IObjectStorage Storage => storage ?? throw new InvalidOperationException("The store is opened before each test.");

    /// <summary>S3's least size of all parts but the last.</summary>
    protected virtual int PartSizeBytes => 5 << 20;

    /// <summary>Whether a completion may leave out parts that were stored. Ceph 16 refuses it.</summary>
    protected virtual bool MayLeaveOutParts => true;

    protected virtual bool HasLinks => true;

    protected virtual bool ChecksSignatures => true;

    /// <summary>Whether the store looks at the checksum of a part that comes by a link. Ceph 16 does not.</summary>
    protected virtual bool ChecksChecksums => false;

    protected virtual string CopySource => "source ü+%#.mp4";

    /// <summary>Whether the store takes bodies that cannot seek: not over plain http, where S3 wants a payload signed.</summary>
    protected virtual bool TakesAnyBody => true;

    public async ValueTask InitializeAsync() => storage = await OpenAsync();

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected abstract Task<IObjectStorage> OpenAsync();

    [Fact]
    public async Task An_object_comes_back_as_it_went_in()
    {
        var bytes = Bytes(300_001);
        var put = await PutAsync("photo.jpg", bytes);
        Assert.Equal(bytes, await ReadAsync("photo.jpg"));
        var head = await Storage.HeadAsync(Key("photo.jpg"), Cancel);
        Assert.Equal((put.Key, put.SizeBytes, put.ETag), (head!.Key, head.SizeBytes, head.ETag));
        Assert.InRange(head.ModifiedAt, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
        Assert.DoesNotContain('"', head.ETag);
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        await PutAsync("empty", []);
        Assert.Equal(0, (await Storage.HeadAsync(Key("empty"), Cancel))!.SizeBytes);
        Assert.Empty(await ReadAsync("empty"));
    }

    [Fact]
    public async Task A_body_that_cannot_seek_is_streamed()
    {
        Assert.SkipUnless(TakesAnyBody, "Signed payloads have to be read twice.");
        var bytes = Bytes(1_000_003);
        await Storage.PutAsync(Key("a"), new OneWayStream(bytes), bytes.Length, "image/jpeg", Cancel);
        Assert.Equal(bytes, await ReadAsync("a"));
    }

    [Fact]
    public async Task What_is_not_there_has_no_metadata_cannot_be_read_and_can_be_deleted()
    {
        Assert.Null(await Storage.HeadAsync(Key("none"), Cancel));
        await RefusedAsync(StorageError.NotFound, () => ReadAsync("none"));
        await RefusedAsync(StorageError.NotFound, () => ReadAsync("no/folder/either"));
        await Storage.DeleteAsync(Key("none"), Cancel);
        await Storage.DeleteAsync(Key("no/folder/either"), Cancel);
    }

    [Fact]
    public async Task A_deleted_object_is_gone()
    {
        await PutAsync("a/b", Bytes(3));
        await Storage.DeleteAsync(Key("a/b"), Cancel);
        Assert.Null(await Storage.HeadAsync(Key("a/b"), Cancel));
        Assert.Empty((await Storage.ListAsync(Key(""), null, Cancel)).Objects);
    }

    [Fact]
    public async Task Overwriting_replaces_bytes_and_etag()
    {
        var first = await PutAsync("a", "first"u8.ToArray());
        var second = await PutAsync("a", "other"u8.ToArray());
        Assert.NotEqual(first.ETag, second.ETag);
        Assert.Equal("other"u8.ToArray(), await ReadAsync("a"));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 100_000)]
    [InlineData(99_999, 1)]
    [InlineData(4_095, 50_001)]
    public async Task A_range_is_exactly_those_bytes(int offset, int size)
    {
        var bytes = Bytes(100_000);
        await PutAsync("a", bytes);
        Assert.Equal(bytes[offset..(offset + size)], await ReadAsync("a", new ByteRange(offset, size)));
    }

    [Fact]
    public async Task A_range_beyond_the_end_is_refused()
    {
        await PutAsync("a", Bytes(10));
        await RefusedAsync(StorageError.PreconditionFailed, () => ReadAsync("a", new ByteRange(10, 1)));
        await RefusedAsync(StorageError.PreconditionFailed, () => ReadAsync("a", new ByteRange(5, 6)));
    }

    [Fact]
    public async Task Reading_with_an_etag_holds_to_that_object()
    {
        var first = await PutAsync("a", "first"u8.ToArray());
        Assert.Equal("first"u8.ToArray(), await ReadAsync("a", null, first.ETag));
        await PutAsync("a", "other"u8.ToArray());
        await RefusedAsync(StorageError.PreconditionFailed, () => ReadAsync("a", null, first.ETag));
        await RefusedAsync(StorageError.PreconditionFailed, () => ReadAsync("a", new ByteRange(1, 2), first.ETag));
    }

    [Theory]
    [InlineData("with space.jpg")]
    [InlineData("a+b&c=d;e@f,g$h!i'j(k)l*m~n.jpg")]
    [InlineData("100%25 #1?.jpg")]
    [InlineData("Hochzeit Müller & Søn/Küche 婚礼 💍.jpg")]
    [InlineData("u\u0308 is not ü")]
    [InlineData(".hidden/..two/...three")]
    [InlineData("[brackets] {braces} |pipe| ^caret` \"quotes\" <tags>")]
    public async Task Keys_are_taken_as_they_are(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        await PutAsync(name, bytes);
        Assert.Equal(bytes, await ReadAsync(name));
        Assert.Equal([Key(name)], (await Storage.ListAsync(Key(""), null, Cancel)).Objects.Select(found => found.Key));
        var upload = await Storage.BeginMultipartAsync(Key(name), "image/jpeg", Cancel);
        var part = await PutPartAsync(upload, 1, 0, bytes);
        await Storage.CompleteMultipartAsync(upload, [part], Cancel);
        Assert.Equal(bytes, await ReadAsync(name));
        await Storage.DeleteAsync(Key(name), Cancel);
        Assert.Null(await Storage.HeadAsync(Key(name), Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("../up")]
    [InlineData("a/../../up")]
    [InlineData("a/..")]
    [InlineData("./a")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    [InlineData("lone \ud800 surrogate")]
    [InlineData("LONG")]
    public async Task Hostile_keys_are_refused(string key)
    {
        key = key == "LONG" ? new string('ü', 513) : key;
        await RefusedAsync(StorageError.InvalidKey, () => Storage.HeadAsync(key, Cancel));
        await RefusedAsync(StorageError.InvalidKey, () => Storage.ReadAsync(key, null, null, Cancel));
        await RefusedAsync(StorageError.InvalidKey, () => Storage.DeleteAsync(key, Cancel));
        await RefusedAsync(StorageError.InvalidKey, () => Storage.PutAsync(key, Body([1]), 1, "image/jpeg", Cancel));
        await RefusedAsync(StorageError.InvalidKey, () => Storage.BeginMultipartAsync(key, "image/jpeg", Cancel));
    }

    [Fact]
    public async Task Listing_is_in_order_of_utf8_bytes()
    {
        string[] names = ["a", "a!", "a-/x", "a.jpg", "a/b", "a/b!", "a/c/d", "a0", "B", "ab", "z", "é", "\ud83d\udc8d", "\uffee"];
        await Parallel.ForEachAsync(names.Where(name => name != "a"), Cancel, async (name, _) => await PutAsync(name, [1]));
        var listed = (await Storage.ListAsync(Key(""), null, Cancel)).Objects.Select(found => found.Key[prefix.Length..]).ToList();
        var expected = names.Where(name => name != "a").OrderBy(Encoding.UTF8.GetBytes, ByteOrder).ToList();
        Assert.Equal(expected, listed);
    }

    [Fact]
    public async Task Listing_keeps_to_its_prefix_which_need_not_end_at_a_slash()
    {
        await Parallel.ForEachAsync(["ab/1", "ab/2", "abc", "b", "ab1/3"], Cancel, async (name, _) => await PutAsync(name, [1]));
        Assert.Equal(["ab/1", "ab/2", "ab1/3", "abc"], await NamesAsync("ab"));
        Assert.Equal(["ab/1", "ab/2"], await NamesAsync("ab/"));
        Assert.Equal(["ab/2"], await NamesAsync("ab/2"));
        Assert.Empty(await NamesAsync("../"));
        Assert.Empty(await NamesAsync("none/"));
    }

    [Fact]
    public async Task Listing_goes_by_pages_of_a_thousand()
    {
        var names = Enumerable.Range(0, 1003).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % 3}/{i:0000}")).ToList();
        await Parallel.ForEachAsync(names, Cancel, async (name, _) => await PutAsync(name, [1]));
        var first = await Storage.ListAsync(Key(""), null, Cancel);
        Assert.Equal(1000, first.Objects.Count);
        var second = await Storage.ListAsync(Key(""), Assert.IsType<string>(first.Continuation), Cancel);
        Assert.Null(second.Continuation);
        Assert.Equal(names.Order(StringComparer.Ordinal), first.Objects.Concat(second.Objects).Select(found => found.Key[prefix.Length..]));
        Assert.All(first.Objects, found => Assert.Equal(1, found.SizeBytes));

        // Who lists in place of looking relies on it.
        var looked = await Storage.HeadAsync(first.Objects[0].Key, Cancel);
        Assert.Equal(looked!.ETag, first.Objects[0].ETag);
        Assert.Equal(looked.ModifiedAt.ToUnixTimeSeconds(), first.Objects[0].ModifiedAt.ToUnixTimeSeconds());
    }

    /// <summary>S3 lists them by pages of a thousand, too.</summary>
    [Fact]
    public async Task All_parts_are_listed_however_many()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var parts = new ConcurrentBag<StoredPart>();
        await Parallel.ForEachAsync(
            Enumerable.Range(1, 1003), Cancel, async (number, _) => parts.Add(await PutPartAsync(upload, number, number - 1, [(byte)number])));
        Assert.Equal(parts.OrderBy(part => part.Number), await Storage.ListPartsAsync(upload, Cancel));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Theory]
    [InlineData(5, 4)]
    [InlineData(5, 6)]
    [InlineData(200_000, 100_000)]
    [InlineData(200_000, 300_000)]
    public async Task A_body_of_another_size_is_refused_and_nothing_is_stored(int announced, int actual)
    {
        await PutAsync("a", "before"u8.ToArray());
        var body = Body(Bytes(actual));
        await RefusedAsync(StorageError.BodySizeMismatch, () => Storage.PutAsync(Key("a"), body, announced, "image/jpeg", Cancel));
        Assert.Equal("before"u8.ToArray(), await ReadAsync("a"));
    }

    [Fact]
    public async Task A_fault_of_the_body_comes_out_as_it_is()
    {
        Assert.SkipUnless(TakesAnyBody, "Signed payloads have to be read twice.");
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => Storage.PutAsync(Key("a"), new OneWayStream(Bytes(100_000), faultAt: 70_000), 100_000, "", Cancel));
        Assert.Null(await Storage.HeadAsync(Key("a"), Cancel));
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(
            () => Storage.PutPartAsync(upload, new PartSlot(1, 0, 100_000), new OneWayStream(Bytes(100_000), faultAt: 70_000), Cancel));
        Assert.Empty(await Storage.ListPartsAsync(upload, Cancel));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Fact]
    public async Task A_cancelled_call_stops()
    {
        using var cancel = new CancellationTokenSource();
        await PutAsync("a", Bytes(100));
        await using var body = await Storage.ReadAsync(Key("a"), null, null, cancel.Token);
        var endless = new System.IO.Pipelines.Pipe();
        var call = TakesAnyBody
            ? Storage.PutAsync(Key("b"), endless.Reader.AsStream(), 1_000_000, "image/jpeg", cancel.Token)
            : Task.FromException<StoredObject>(new OperationCanceledException());
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await body.ReadExactlyAsync(new byte[10], cancel.Token));
        Assert.Null(await Storage.HeadAsync(Key("b"), Cancel));
    }

    [Fact]
    public async Task Parts_come_in_any_order()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var bytes = Bytes((2 * PartSizeBytes) + 77);
        var last = await PutPartAsync(upload, 3, 2 * PartSizeBytes, bytes[(2 * PartSizeBytes)..]);
        var first = await PutPartAsync(upload, 1, 0, bytes[..PartSizeBytes]);
        var second = await PutPartAsync(upload, 2, PartSizeBytes, bytes[PartSizeBytes..(2 * PartSizeBytes)]);
        Assert.Equal([first, second, last], await Storage.ListPartsAsync(upload, Cancel));
        Assert.Null(await Storage.HeadAsync(Key("a"), Cancel));
        var stored = await Storage.CompleteMultipartAsync(upload, [first, second, last], Cancel);
        Assert.Equal(stored, await Storage.HeadAsync(Key("a"), Cancel));
        Assert.Equal(bytes.Length, stored.SizeBytes);
        Assert.Equal(bytes, await ReadAsync("a"));
    }

    [Fact]
    public async Task Parts_come_at_the_same_time()
    {
        Assert.SkipUnless(TakesAnyBody, "Signed payloads have to be read twice.");
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var bytes = Bytes((5 * PartSizeBytes) + 1);
        var parts = await Task.WhenAll(Enumerable.Range(0, 6).Select(i =>
        {
            var piece = bytes[(i * PartSizeBytes)..Math.Min(bytes.Length, (i + 1) * PartSizeBytes)];
            return Storage.PutPartAsync(upload, new PartSlot(i + 1, i * PartSizeBytes, piece.Length), new OneWayStream(piece), Cancel);
        }));
        await Storage.CompleteMultipartAsync(upload, parts, Cancel);
        Assert.Equal(bytes, await ReadAsync("a"));
    }

    [Fact]
    public async Task A_handle_is_rebuilt_from_its_id()
    {
        var id = (await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel)).Id;
        var part = await PutPartAsync(new MultipartUpload(Key("a"), id), 1, 0, Bytes(10));
        await Storage.CompleteMultipartAsync(new MultipartUpload(Key("a"), id), [part], Cancel);
        Assert.Equal(Bytes(10), await ReadAsync("a"));
    }

    [Fact]
    public async Task A_part_sent_again_replaces_the_one_before()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var before = await PutPartAsync(upload, 1, 0, "before"u8.ToArray());
        var after = await PutPartAsync(upload, 1, 0, "after!"u8.ToArray());
        Assert.NotEqual(before.ETag, after.ETag);
        Assert.Equal([after], await Storage.ListPartsAsync(upload, Cancel));
        await RefusedAsync(StorageError.PartsRefused, () => Storage.CompleteMultipartAsync(upload, [before], Cancel));
        await Storage.CompleteMultipartAsync(upload, [after], Cancel);
        Assert.Equal("after!"u8.ToArray(), await ReadAsync("a"));
    }

    [Fact]
    public async Task The_same_bytes_sent_again_have_the_same_etag()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        Assert.Equal(await PutPartAsync(upload, 1, 0, Bytes(99)), await PutPartAsync(upload, 1, 0, Bytes(99)));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(11)]
    public async Task A_part_of_another_size_is_refused_and_the_one_before_stays(int actual)
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var part = await PutPartAsync(upload, 1, 0, Bytes(10));
        await RefusedAsync(StorageError.BodySizeMismatch, () => Storage.PutPartAsync(upload, new PartSlot(1, 0, 10), Body(new byte[actual]), Cancel));
        Assert.Equal([part], await Storage.ListPartsAsync(upload, Cancel));
        await Storage.CompleteMultipartAsync(upload, [part], Cancel);
        Assert.Equal(Bytes(10), await ReadAsync("a"));
    }

    [Fact]
    public async Task Completion_refuses_parts_that_are_not_stored_so()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var first = await PutPartAsync(upload, 1, 0, Bytes(PartSizeBytes));
        var second = await PutPartAsync(upload, 2, PartSizeBytes, Bytes(5));
        await RefusedAsync(StorageError.PartsRefused, () => Storage.CompleteMultipartAsync(upload, [first, second with { ETag = first.ETag }], Cancel));
        await RefusedAsync(StorageError.PartsRefused, () => Storage.CompleteMultipartAsync(upload, [first, second, second with { Number = 3 }], Cancel));
        await RefusedAsync(StorageError.PartsRefused, () => Storage.CompleteMultipartAsync(upload, [], Cancel));
        Assert.Null(await Storage.HeadAsync(Key("a"), Cancel));
        await Storage.CompleteMultipartAsync(upload, [first, second], Cancel);
        Assert.Equal(PartSizeBytes + 5, (await Storage.HeadAsync(Key("a"), Cancel))!.SizeBytes);
    }

    [Fact]
    public async Task A_part_may_be_left_over()
    {
        Assert.SkipUnless(MayLeaveOutParts, "This store wants every part that it has.");
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var first = await PutPartAsync(upload, 1, 0, Bytes(PartSizeBytes));
        await PutPartAsync(upload, 2, PartSizeBytes, Bytes(PartSizeBytes));
        await Storage.CompleteMultipartAsync(upload, [first], Cancel);
        Assert.Equal(Bytes(PartSizeBytes), await ReadAsync("a"));
    }

    [Fact]
    public async Task An_unknown_upload_is_told_from_a_failure()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var part = await PutPartAsync(upload, 1, 0, Bytes(10));
        await Storage.AbortMultipartAsync(upload, Cancel);
        foreach (var gone in new[] { upload, upload with { Id = upload.Id[..^4] + "0000" } })
        {
            await RefusedAsync(StorageError.MultipartNotFound, () => PutPartAsync(gone, 2, 10, Bytes(10)));
            await RefusedAsync(StorageError.MultipartNotFound, () => Storage.ListPartsAsync(gone, Cancel));
            await RefusedAsync(StorageError.MultipartNotFound, () => Storage.CompleteMultipartAsync(gone, [part], Cancel));
            await Storage.AbortMultipartAsync(gone, Cancel);
        }

        Assert.Null(await Storage.HeadAsync(Key("a"), Cancel));
    }

    [Fact]
    public async Task Uploads_under_way_are_listed_until_they_end()
    {
        var aborted = await Storage.BeginMultipartAsync(Key("x/aborted"), "video/mp4", Cancel);
        var pending = await Storage.BeginMultipartAsync(Key("x/ü+%#.mp4"), "video/mp4", Cancel);
        var other = await Storage.BeginMultipartAsync(Key("y"), "video/mp4", Cancel);
        await Storage.AbortMultipartAsync(aborted, Cancel);
        var page = await Storage.ListMultipartsAsync(Key("x/"), null, Cancel);
        Assert.Null(page.Continuation);
        Assert.Equal(pending, Assert.Single(page.Uploads).Upload);
        Assert.InRange(page.Uploads[0].BegunAt, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
        await Storage.AbortMultipartAsync(pending, Cancel);
        await Storage.AbortMultipartAsync(other, Cancel);
        Assert.Empty((await Storage.ListMultipartsAsync(Key(""), null, Cancel)).Uploads);
    }

    [Fact]
    public async Task An_upload_belongs_to_its_key()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        await RefusedAsync(StorageError.MultipartNotFound, () => PutPartAsync(upload with { Key = Key("b") }, 1, 0, Bytes(10)));
        await RefusedAsync(StorageError.MultipartNotFound, () => Storage.ListPartsAsync(upload with { Key = Key("b") }, Cancel));
        Assert.Empty(await Storage.ListPartsAsync(upload, Cancel));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Fact]
    public async Task Completing_twice_leaves_the_object_as_it_is()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var part = await PutPartAsync(upload, 1, 0, Bytes(10));
        var stored = await Storage.CompleteMultipartAsync(upload, [part], Cancel);
        try
        {
            // AWS answers a completion sent again as it did the first time.
            Assert.Equal(stored, await Storage.CompleteMultipartAsync(upload, [part], Cancel));
        }
        catch (StorageException e)
        {
            Assert.Equal(StorageError.MultipartNotFound, e.Error);
        }

        Assert.Equal(stored, await Storage.HeadAsync(Key("a"), Cancel));
    }

    [Fact]
    public async Task Five_completions_at_once_make_one_object()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var part = await PutPartAsync(upload, 1, 0, Bytes(10));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ =>
        {
            try
            {
                return (await Storage.CompleteMultipartAsync(upload, [part], Cancel)).SizeBytes;
            }
            catch (StorageException e) when (e.Error == StorageError.MultipartNotFound)
            {
                return 0;
            }
        }));
        Assert.Contains(10, outcomes);
        Assert.Equal(Bytes(10), await ReadAsync("a"));
    }

    [Fact]
    public async Task A_part_is_copied_inside_the_store()
    {
        var bytes = Bytes(PartSizeBytes + 5_000);
        var source = await PutAsync(CopySource, bytes);
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        var first = await Storage.CopyPartAsync(upload, new PartSlot(1, 0, PartSizeBytes), source.Key, 4_000, source.ETag, Cancel);
        var second = await PutPartAsync(upload, 2, PartSizeBytes, Bytes(7));
        Assert.Equal([first, second], await Storage.ListPartsAsync(upload, Cancel));
        await Storage.CompleteMultipartAsync(upload, [first, second], Cancel);
        byte[] expected = [.. bytes[4_000..(4_000 + PartSizeBytes)], .. Bytes(7)];
        Assert.Equal(expected, await ReadAsync("a"));
    }

    [Fact]
    public async Task A_part_is_not_copied_from_another_object_than_meant()
    {
        var source = await PutAsync("source", Bytes(1000));
        await PutAsync("source", Bytes(1001));
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        await RefusedAsync(
            StorageError.PreconditionFailed,
            () => Storage.CopyPartAsync(upload, new PartSlot(1, 0, 500), source.Key, 0, source.ETag, Cancel));
        await RefusedAsync(
            StorageError.NotFound,
            () => Storage.CopyPartAsync(upload, new PartSlot(1, 0, 500), Key("none"), 0, source.ETag, Cancel));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Fact]
    public async Task A_part_is_composed_of_bytes_and_streams()
    {
        var source = Bytes(PartSizeBytes);
        BodyPiece[] pieces =
        [
            InMemory("head"u8.ToArray()),
            Streamed(source),
            Streamed([]),
            InMemory(Bytes(70_000)),
            Streamed("trunk"u8.ToArray()),
        ];
        byte[] expected = [.. "head"u8, .. source, .. Bytes(70_000), .. "trunk"u8];
        Assert.Equal(expected, await ComposeAsync(pieces));
    }

    /// <summary>Whoever made the body knows what has become of its bytes.</summary>
    [Fact]
    public async Task What_a_piece_fails_with_is_passed_on()
    {
        var lost = new BodyPiece(PartSizeBytes, () => throw new TimeZoneNotFoundException("Nobody else throws this."));
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => ComposeAsync(lost));
    }

    [Fact]
    public async Task A_composed_part_of_another_size_is_refused()
    {
        var upload = await Storage.BeginMultipartAsync(Key("a"), "image/jpeg", Cancel);
        await using var body = new ComposedBody([InMemory(Bytes(10))]);
        await RefusedAsync(StorageError.BodySizeMismatch, () => Storage.PutPartAsync(upload, new PartSlot(1, 0, 11), body, Cancel));
        await using var brief = new ComposedBody([Streamed(Bytes(10)) with { SizeBytes = 11 }]);
        await RefusedAsync(StorageError.BodySizeMismatch, () => Storage.PutPartAsync(upload, new PartSlot(1, 0, 11), brief, Cancel));
        Assert.Empty(await Storage.ListPartsAsync(upload, Cancel));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Fact]
    public async Task A_link_takes_one_part_of_one_size()
    {
        var bytes = Bytes(PartSizeBytes);
        var upload = await Storage.BeginMultipartAsync(Key("direct ü+%#.mp4"), "video/mp4", Cancel);
        var link = Storage.PresignPart(upload, new PartSlot(1, 0, PartSizeBytes), TimeSpan.FromHours(1), crc32: null);
        if (!HasLinks)
        {
            Assert.Null(link);
            return;
        }

        using var http = OpenHttp();
        using var larger = await http.PutAsync(link, new ByteArrayContent(Bytes(PartSizeBytes + 1)), Cancel);
        using var other = await http.PutAsync(
            new Uri(link!.AbsoluteUri.Replace("partNumber=1", "partNumber=2", StringComparison.Ordinal)), new ByteArrayContent(bytes), Cancel);
        Assert.Equal((!ChecksSignatures, !ChecksSignatures), (larger.IsSuccessStatusCode, other.IsSuccessStatusCode));
        using var taken = await http.PutAsync(link, new ByteArrayContent(bytes), Cancel);
        var etag = taken.EnsureSuccessStatusCode().Headers.ETag!.Tag.Trim('"');
        Assert.Contains(new StoredPart(1, etag, PartSizeBytes), await Storage.ListPartsAsync(upload, Cancel));
        await Storage.AbortMultipartAsync(upload, Cancel);
    }

    [Fact]
    public async Task A_link_may_have_the_checksum_of_its_part()
    {
        Assert.SkipUnless(HasLinks, "The store has no links.");
        byte[][] parts = [Bytes(PartSizeBytes), Bytes(1_000)];
        var upload = await Storage.BeginCheckedMultipartAsync(Key("checked"), "video/mp4", Cancel);
        using var http = OpenHttp();
        for (var index = 0; index < parts.Length; index++)
        {
            var crc32 = Crc32.Append(0, parts[index]);
            var link = Storage.PresignPart(upload, new PartSlot(index + 1, 0, parts[index].Length), TimeSpan.FromHours(1), crc32)!;
            using var without = await PutAsync(link, parts[index], null);
            Assert.Equal(!ChecksSignatures && !ChecksChecksums, without.IsSuccessStatusCode);
            if (ChecksChecksums)
            {
                using var damaged = await PutAsync(link, [.. parts[index][1..], 0], crc32);
                Assert.Equal(400, (int)damaged.StatusCode);
            }

            using var taken = await PutAsync(link, parts[index], crc32);
            taken.EnsureSuccessStatusCode();
        }

        var listed = await Storage.ListPartsAsync(upload, Cancel);
        Assert.Equal(parts.Select(part => ChecksChecksums ? Crc32.Append(0, part) : (uint?)null), listed.Select(part => part.Crc32));
        await Storage.CompleteMultipartAsync(upload, listed, Cancel);
        Assert.Equal(parts.SelectMany(part => part), await ReadAsync("checked"));

        async Task<HttpResponseMessage> PutAsync(Uri link, byte[] bytes, uint? crc32)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, link) { Content = new ByteArrayContent(bytes) };
            if (crc32 is { } checksum)
            {
                request.Headers.Add(StoredPart.Crc32Header, StoredPart.TextOf(checksum));
            }

            return await http.SendAsync(request, Cancel);
        }
    }

    [Fact]
    public async Task A_link_downloads_under_the_name_given()
    {
        var bytes = Bytes(10_000);
        await PutAsync("zip of ü+%#.zip", bytes);
        var link = Storage.PresignDownload(Key("zip of ü+%#.zip"), TimeSpan.FromHours(1), "Hochzeit Müller.zip");
        if (!HasLinks)
        {
            Assert.Null(link);
            return;
        }

        Assert.NotNull(link);
        using var http = OpenHttp();
        using var whole = await http.GetAsync(link, Cancel);
        Assert.Equal(bytes, await whole.Content.ReadAsByteArrayAsync(Cancel));
        Assert.Equal("Hochzeit Müller.zip", whole.Content.Headers.ContentDisposition?.FileNameStar);
        using var request = new HttpRequestMessage(HttpMethod.Get, link) { Headers = { Range = new(100, 199) } };
        using var range = await http.SendAsync(request, Cancel);
        Assert.Equal(bytes[100..200], await range.Content.ReadAsByteArrayAsync(Cancel));
        using var forged = await http.GetAsync(new Uri(link.ToString().Replace("Signature=", "Signature=0", StringComparison.Ordinal)), Cancel);
        Assert.Equal(!ChecksSignatures, forged.IsSuccessStatusCode);
    }

    [Fact]
    public async Task An_object_is_copied_and_takes_the_place_of_another()
    {
        var bytes = Bytes(200_000);
        await PutAsync(CopySource, bytes);
        await PutAsync("target.webp", Bytes(10));
        await Storage.CopyAsync(Key(CopySource), Key("target.webp"), new ObjectHeaders("image/webp", "max-age=60"), Cancel);
        Assert.Equal(bytes, await ReadAsync("target.webp"));
        Assert.Equal(bytes, await ReadAsync(CopySource));
        if (HasLinks)
        {
            using var http = OpenHttp();
            using var link = await http.GetAsync(Storage.PresignDownload(Key("target.webp"), TimeSpan.FromHours(1), "x.webp"), Cancel);
            Assert.Equal("image/webp", link.Content.Headers.ContentType?.MediaType);
            Assert.Equal(TimeSpan.FromSeconds(60), link.Headers.CacheControl?.MaxAge);
        }

        await RefusedAsync(
            StorageError.NotFound, () => Storage.CopyAsync(Key("nothing"), Key("target.webp"), new ObjectHeaders("image/webp"), Cancel));
        Assert.Equal(bytes, await ReadAsync("target.webp"));
    }

    [Fact]
    public async Task A_link_stores_an_object_with_its_headers()
    {
        var bytes = Bytes(10_000);
        var hash = System.Security.Cryptography.SHA256.HashData(bytes);
        var put = Storage.PresignPut(Key("page ü.html"), new ObjectHeaders("text/html", "no-cache"), hash, TimeSpan.FromHours(1));
        if (!HasLinks)
        {
            Assert.Null(put);
            return;
        }

        Assert.NotNull(put);
        using var http = OpenHttp();
        if (ChecksSignatures)
        {
            using var wrong = await http.SendAsync(Request("text/plain"), Cancel);
            Assert.False(wrong.IsSuccessStatusCode);
        }

        using var stored = await http.SendAsync(Request(put.Headers["Content-Type"]), Cancel);
        Assert.True(stored.IsSuccessStatusCode, await stored.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(bytes, await ReadAsync("page ü.html"));
        var head = await Storage.HeadAsync(Key("page ü.html"), Cancel);
        Assert.Contains(head!.Sha256, new[] { null, Convert.ToHexStringLower(hash) });

        HttpRequestMessage Request(string contentType)
        {
            var request = new HttpRequestMessage(HttpMethod.Put, put.Url) { Content = new ByteArrayContent(bytes) };
            foreach (var (name, value) in put.Headers.Where(header => header.Key != "Content-Type"))
            {
                Assert.True(request.Headers.TryAddWithoutValidation(name, value) || request.Content.Headers.TryAddWithoutValidation(name, value));
            }

            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
            return request;
        }
    }

    protected virtual HttpClient OpenHttp() => new();

    private static BodyPiece InMemory(byte[] bytes) => new(bytes.Length, () => new BufferBody(bytes, Crc32.Append(0, bytes)));

    private static BodyPiece Streamed(byte[] bytes) => new(bytes.Length, () => new SeenStream(new OneWayStream(bytes)));

    private async Task<byte[]> ComposeAsync(params BodyPiece[] pieces)
    {
        var upload = await Storage.BeginMultipartAsync(Key("composed"), "image/jpeg", Cancel);
        await using var body = new ComposedBody(pieces);
        var part = await Storage.PutPartAsync(upload, new PartSlot(1, 0, body.Length), body, Cancel);
        Assert.Equal([part], await Storage.ListPartsAsync(upload, Cancel));
        await Storage.CompleteMultipartAsync(upload, [part], Cancel);
        return await ReadAsync("composed");
    }

    protected string Key(string name) => prefix + name;

    protected static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    protected static Stream Body(byte[] bytes) => new MemoryStream(bytes);

    protected static async Task RefusedAsync(StorageError error, Func<Task> call) =>
        Assert.Equal(error, (await Assert.ThrowsAsync<StorageException>(call)).Error);

    protected Task<StoredObject> PutAsync(string name, byte[] bytes) =>
        Storage.PutAsync(Key(name), Body(bytes), bytes.Length, "image/jpeg", Cancel);

    protected Task<StoredPart> PutPartAsync(MultipartUpload upload, int number, long offset, byte[] bytes) =>
        Storage.PutPartAsync(upload, new PartSlot(number, offset, bytes.Length), Body(bytes), Cancel);

    protected async Task<byte[]> ReadAsync(string name, ByteRange? range = null, string? ifMatch = null)
    {
        await using var body = await Storage.ReadAsync(Key(name), range, ifMatch, Cancel);
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, Cancel);
        return bytes.ToArray();
    }

    private static Comparer<byte[]> ByteOrder => Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    private async Task<List<string>> NamesAsync(string prefix) =>
        [.. (await Storage.ListAsync(Key(prefix), null, Cancel)).Objects.Select(found => found.Key[this.prefix.Length..])];

    /// <summary>A body from a network: small pieces, no way back, and perhaps an end too early.</summary>
    private sealed class OneWayStream(byte[] bytes, int faultAt = int.MaxValue) : ReadOnlyStream
    {
        private int position;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            if (position >= faultAt)
            {
                throw new TimeZoneNotFoundException("Nobody else throws this.");
            }

            var piece = bytes.AsMemory(position, Math.Min(Math.Min(buffer.Length, 10_000), bytes.Length - position));
            piece.CopyTo(buffer);
            position += piece.Length;
            return piece.Length;
        }
    }

    private sealed class SeenStream(OneWayStream inner) : Crc32Stream
    {
        private uint crc32;

        public override uint Crc32 => crc32;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            crc32 = Platform.Storage.Crc32.Append(crc32, buffer.Span[..read]);
            return read;
        }
    }
}
