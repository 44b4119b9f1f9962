using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Albums.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Albums.Tests;

/// <summary>A file that fails its album is done without, whatever the album is at.</summary>
public sealed class SkipFileTests : IAsyncLifetime
{
    private const int MiB = 1 << 20;

    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        foreach (var (key, sizeBytes) in new[] { ("a.mov", 10 * MiB), ("b.mov", 17 * MiB), ("c.mov", 10 * MiB) })
        {
            var bytes = new byte[sizeBytes];
            Random.Shared.NextBytes(bytes);
            await workshop.PutAsync(key, bytes);
        }
    }

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    /// <summary>Parts of 8 MiB: without the second video the first part stays and all others move.</summary>
    [Fact]
    public async Task A_failed_album_goes_on_without_it_and_takes_it_in_again_by_a_replay()
    {
        await using var server = await workshop.ServeAsync();
        var id = await workshop.RequestAsync("a.mov", "b.mov", "c.mov");
        await workshop.PlanAsync(id);
        await workshop.BreakOffAsync(id, 1);
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => [new AlbumFailed("STORAGE_ERROR", "", DateTimeOffset.UnixEpoch)], Cancel);

        await AssertAnswerAsync(server, id, 1, null);
        await AssertAnswerAsync(server, id, 1, null); // once is enough
        Assert.Equal(AlbumStatus.Requested, (await workshop.AlbumAsync(id)).Status);
        await workshop.AttemptAsync(id);
        Assert.Equal(["a.mov", "c.mov", "_MISSING.txt"], await workshop.EntriesAsync(id));
        var history = await workshop.HistoryAsync(id);
        Assert.Equal(1, Assert.Single(history.OfType<FileSkipRequested>()).Index);
        Assert.Equal("it was left out by hand", Assert.Single(history.OfType<FileSkipped>()).Reason);
        Assert.Single(history.OfType<PartStored>(), part => part.Number == 1);
        Assert.Equal((2, 1), ((await workshop.AlbumAsync(id)).Completed!.Files, (await workshop.AlbumAsync(id)).Completed!.Skipped));

        await workshop.Events.DecideAsync<Album, IAlbumEvent>(
            id, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(id, "admin"), DateTimeOffset.UnixEpoch), Cancel);
        await workshop.AttemptAsync(id);
        Assert.Equal(["a.mov", "b.mov", "c.mov"], await workshop.EntriesAsync(id));
    }

    /// <summary>Before each call that the worker makes in turn: either the file is packed already, or the ZIP is whole without it.</summary>
    [Fact]
    public async Task A_worker_that_packs_goes_on_without_it()
    {
        var skipped = 0;
        for (var (call, isOver) = (1, false); !isOver; call += 4)
        {
            var id = await workshop.RequestAsync("a.mov", "b.mov", "c.mov");
            await workshop.PlanAsync(id);
            workshop.Storage.FailAt(0, afterEffect: false);
            isOver = true;
            var isPacked = false;
            workshop.Storage.BeforeCall = async number =>
            {
                if (number == call && !(await workshop.AlbumAsync(id)).LeavesNothing)
                {
                    isOver = false;
                    isPacked = await Record.ExceptionAsync(() => SkipAsync(id, 2)) is not null;
                }
            };
            await workshop.AttemptAsync(id);
            workshop.Storage.BeforeCall = null;
            var isSkipped = !isOver && !isPacked;
            skipped += isSkipped ? 1 : 0;
            Assert.Equal(isSkipped ? ["a.mov", "b.mov", "_MISSING.txt"] : ["a.mov", "b.mov", "c.mov"], await workshop.EntriesAsync(id));
            Assert.Equal(isSkipped ? 1 : 0, (await workshop.HistoryAsync(id)).OfType<FileSkipped>().Count());
        }

        Assert.InRange(skipped, 2, 30);
    }

    [Fact]
    public async Task The_last_one_leaves_nothing_to_pack()
    {
        var id = await workshop.RequestAsync("a.mov");
        await workshop.PlanAsync(id);
        await SkipAsync(id, 0);
        await workshop.AttemptAsync(id);
        Assert.Equal("NO_FILES", (await workshop.AlbumAsync(id)).Failure!.Reason);
    }

    [Fact]
    public async Task What_cannot_be_skipped_is_refused_by_a_code()
    {
        await using var server = await workshop.ServeAsync();
        var id = await workshop.RequestAsync("a.mov", "gone.mov");
        await AssertAnswerAsync(server, Guid.CreateVersion7(), 0, "ALBUM_NOT_FOUND");
        await AssertAnswerAsync(server, id, 0, "ALBUM_NOT_READY");
        await workshop.PlanAsync(id);
        await AssertAnswerAsync(server, id, 2, "FILE_NOT_FOUND");
        await AssertAnswerAsync(server, id, -1, "FILE_NOT_FOUND"); // _MISSING.txt is no file of theirs
        await AssertAnswerAsync(server, id, 1, null); // it is not in the ZIP anyway
        await workshop.AttemptAsync(id);
        await AssertAnswerAsync(server, id, 0, "ALBUM_COMPLETED");

        var cancelled = await workshop.RequestAsync("a.mov");
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(cancelled, _ => [new AlbumCancelled("ann", DateTimeOffset.UnixEpoch)], Cancel);
        await AssertAnswerAsync(server, cancelled, 0, "ALBUM_CANCELLED");
    }

    private Task SkipAsync(Guid id, int index) =>
        ActivatorUtilities.CreateInstance<SkipFileHandler>(workshop.Services).RunAsync(new SkipFile(id, index, "admin"), Cancel);

    private static async Task AssertAnswerAsync(AlbumServer server, Guid id, int index, string? code)
    {
        using var answer = await server.Client.PostAsync(new Uri($"/v1/albums/{id}/files/{index}/skip", UriKind.Relative), content: null, Cancel);
        Assert.Equal(code is null, answer.StatusCode is HttpStatusCode.NoContent);
        if (code is not null)
        {
            Assert.Equal(code, (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("error").GetProperty("code").GetString());
        }
    }
}
