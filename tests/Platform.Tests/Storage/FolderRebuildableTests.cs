using System.Text;
using Platform.Storage;
using Testing;
using Xunit;

namespace Platform.Tests.Storage;

/// <summary>What can be made again need not wait for the disk: it outlives a process, and is forgotten where the machine fails too early.</summary>
public sealed class FolderRebuildableTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("folder-storage-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Marks => Path.Combine(root, ".storage", "unsynced");

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task It_outlives_the_process()
    {
        var upload = await Open("first").BeginRebuildableMultipartAsync("a/b.zip", "", Cancel);
        var part = await PutPartAsync(Open("first"), upload);
        Assert.Equal([part], await Open("first").ListPartsAsync(upload, Cancel));
        var stored = await Open("first").CompleteMultipartAsync(upload, [part], Cancel);
        Assert.Equal(stored, await Open("first").HeadAsync("a/b.zip", Cancel));
        Assert.Equal("hello", await ReadAsync(Open("first"), "a/b.zip"));
    }

    [Fact]
    public async Task After_the_machine_failed_its_upload_is_unknown()
    {
        var upload = await Open("first").BeginRebuildableMultipartAsync("a.zip", "", Cancel);
        var part = await PutPartAsync(Open("first"), upload);
        var restarted = Open("second");
        foreach (var call in new Func<Task>[]
        {
            () => restarted.ListPartsAsync(upload, Cancel),
            () => PutPartAsync(restarted, upload),
            () => restarted.CompleteMultipartAsync(upload, [part], Cancel),
        })
        {
            Assert.Equal(StorageError.MultipartNotFound, (await Assert.ThrowsAsync<StorageException>(call)).Error);
        }

        await restarted.AbortMultipartAsync(upload, Cancel);
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(root, ".storage", "multipart")));
    }

    [Fact]
    public async Task Its_upload_is_among_those_under_way()
    {
        var upload = await Open("first").BeginRebuildableMultipartAsync("albums/a.zip", "", Cancel);
        Assert.Equal(upload, Assert.Single((await Open("second").ListMultipartsAsync("albums/", null, Cancel)).Uploads).Upload);
    }

    [Fact]
    public async Task After_the_machine_failed_an_object_that_was_not_on_the_disk_is_gone()
    {
        await StoreAsync(Open("first"), "a/b.zip");
        var restarted = Open("second");
        Assert.Null(await restarted.HeadAsync("a/b.zip", Cancel));
        Assert.Empty((await restarted.ListAsync("", null, Cancel)).Objects);
        Assert.Empty(Directory.EnumerateFiles(Marks));

        await StoreAsync(restarted, "a/b.zip");
        Assert.NotNull(await Open("second").HeadAsync("a/b.zip", Cancel));
    }

    [Fact]
    public async Task An_object_that_was_brought_to_the_disk_stays()
    {
        await StoreAsync(Open("first"), "a/b.zip");
        Unsynced("first").Synchronise(DateTimeOffset.UtcNow.AddMinutes(-1));
        Assert.Single(Directory.EnumerateFiles(Marks));
        Unsynced("first").Synchronise(DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Empty(Directory.EnumerateFiles(Marks));
        Assert.Equal("hello", await ReadAsync(Open("second"), "a/b.zip"));
    }

    [Fact]
    public async Task What_was_deleted_meanwhile_is_brought_nowhere()
    {
        await StoreAsync(Open("first"), "a/b.zip");
        File.Delete(Path.Combine(root, "a/b.zip"));
        Unsynced("first").Synchronise(DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Empty(Directory.EnumerateFiles(Marks));
    }

    [Fact]
    public async Task What_replaces_it_durably_stays()
    {
        await StoreAsync(Open("first"), "a.zip");
        await Open("first").PutAsync("a.zip", Body("other"), 5, "", Cancel);
        Assert.Equal("other", await ReadAsync(Open("second"), "a.zip"));

        await StoreAsync(Open("second"), "a.zip");
        await Open("second").DeleteAsync("a.zip", Cancel);
        Assert.Empty(Directory.EnumerateFiles(Marks));
    }

    /// <summary>Guests' uploads: nothing acknowledged is ever lost.</summary>
    [Fact]
    public async Task What_cannot_be_made_again_stays_whatever_happens_to_the_machine()
    {
        var upload = await Open("first").BeginMultipartAsync("a.jpg", "", Cancel);
        var part = await PutPartAsync(Open("first"), upload);
        Assert.Equal([part], await Open("second").ListPartsAsync(upload, Cancel));
        await Open("second").CompleteMultipartAsync(upload, [part], Cancel);
        Assert.Equal("hello", await ReadAsync(Open("third"), "a.jpg"));
        Assert.False(Directory.Exists(Marks));
    }

    /// <summary>On a file system that other machines share, or where nothing tells one run of the machine from another.</summary>
    [Fact]
    public async Task Where_no_boot_is_known_everything_is_durable()
    {
        await StoreAsync(new FolderObjectStorage(root, TimeProvider.System, bootId: null), "a.zip");
        Assert.False(Directory.Exists(Marks));
        Assert.Equal("hello", await ReadAsync(Open("second"), "a.zip"));
    }

    [Fact]
    public void A_local_folder_has_a_boot_and_a_folder_of_the_kernel_has_none()
    {
        Assert.True(Guid.TryParse(FolderUnsynced.BootIdFor(root), out _));
        Assert.Null(FolderUnsynced.BootIdFor("/proc/self"));
    }

    private FolderObjectStorage Open(string boot) => BootedFolder.Open(root, boot);

    private FolderUnsynced Unsynced(string boot) => new(root, boot, TimeProvider.System);

    private static MemoryStream Body(string text) => new(Encoding.UTF8.GetBytes(text));

    private static Task<StoredPart> PutPartAsync(FolderObjectStorage storage, MultipartUpload upload) =>
        storage.PutPartAsync(upload, new PartSlot(1, 0, 5), Body("hello"), Cancel);

    private static async Task StoreAsync(FolderObjectStorage storage, string key)
    {
        var upload = await storage.BeginRebuildableMultipartAsync(key, "", Cancel);
        await storage.CompleteMultipartAsync(upload, [await PutPartAsync(storage, upload)], Cancel);
    }

    private static async Task<string> ReadAsync(FolderObjectStorage storage, string key)
    {
        await using var body = await storage.ReadAsync(key, null, null, Cancel);
        return await new StreamReader(body).ReadToEndAsync(Cancel);
    }
}
