using Albums.Contracts;
using Xunit;

namespace Albums.Tests;

/// <summary>Who plans an album, and when, makes no difference to it.</summary>
public sealed class PlanAlbumTests : IAsyncLifetime
{
    private AlbumWorkshop workshop = null!;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        await workshop.PutAsync("a.jpg", [1, 2, 3]);
        await workshop.PutAsync("b.jpg", [4, 5]);
    }

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public async Task A_plan_made_before_the_job_is_the_jobs()
    {
        var id = await workshop.RequestAsync("a.jpg", "gone.jpg");
        var planned = (await workshop.PlanAsync(id)).Plan!;
        Assert.Equal(AlbumStatus.Requested, (await workshop.AlbumAsync(id)).Status);
        Assert.Equal("Requested", await workshop.ListedStatusAsync(id));
        await workshop.AttemptAsync(id);

        var album = await workshop.AlbumAsync(id);
        Assert.Equal((AlbumStatus.Completed, planned, 1), (album.Status, album.Plan, album.Completed!.Skipped));
        await AssertPlannedOnceAsync(id);
    }

    [Fact]
    public async Task Of_several_at_a_time_one_plans_and_all_have_its_plan()
    {
        var id = await workshop.RequestAsync("a.jpg", "gone.jpg");
        var attempt = workshop.AttemptAsync(id);
        var albums = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => workshop.PlanAsync(id)));
        await attempt;

        Assert.Single(albums.Select(album => album.Plan).Distinct());
        Assert.Equal(AlbumStatus.Completed, (await workshop.AlbumAsync(id)).Status);
        await AssertPlannedOnceAsync(id);
    }

    /// <summary>The job's first calls to the store look at the two files, the third would store its plan; whenever the other comes, the job goes on.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_job_that_is_overtaken_while_it_plans_goes_on_with_the_others_plan(int call)
    {
        var id = await workshop.RequestAsync("a.jpg", "b.jpg");
        workshop.Storage.BeforeCall = async number =>
        {
            if (number == call)
            {
                await workshop.PutAsync("b.jpg", [6, 7, 8, 9]); // so that the job's own plan would be another
                await workshop.PlanAsync(id);
            }
        };
        await workshop.AttemptAsync(id);

        Assert.Equal(AlbumStatus.Completed, (await workshop.AlbumAsync(id)).Status);
        await AssertPlannedOnceAsync(id);
    }

    /// <summary>The file is there when another plans, and is not when the job looks: the job still ends the album, by the other's plan.</summary>
    [Fact]
    public async Task A_job_that_finds_nothing_goes_on_with_what_another_has_found()
    {
        var id = await workshop.RequestAsync("brief.jpg");
        workshop.Storage.BeforeCall = async number =>
        {
            if (number == 1)
            {
                await workshop.PutAsync("brief.jpg", [1]);
                await workshop.PlanAsync(id);
                await workshop.Objects.DeleteAsync("brief.jpg", TestContext.Current.CancellationToken);
            }
        };
        await workshop.AttemptAsync(id);

        Assert.Equal("NO_FILES", (await workshop.AlbumAsync(id)).Failure!.Reason);
        Assert.Single((await workshop.AlbumAsync(id)).Skipped);
        Assert.Single((await workshop.HistoryAsync(id)).OfType<Replanned>());
    }

    [Fact]
    public async Task Nothing_is_recorded_where_there_is_nothing_to_plan()
    {
        var id = await workshop.RequestAsync("gone.jpg");
        Assert.Null((await workshop.PlanAsync(id)).Plan);
        Assert.Single(await workshop.HistoryAsync(id));
        await workshop.AttemptAsync(id);
        Assert.Equal("NO_FILES", (await workshop.PlanAsync(id)).Failure!.Reason);
    }

    [Fact]
    public async Task A_plan_made_while_the_album_is_deleted_is_removed()
    {
        var id = await workshop.RequestAsync("a.jpg");
        workshop.Storage.BeforeCall = async number =>
        {
            if (number == 2) // the plan is about to be stored
            {
                await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => [new AlbumDeleted("ann", DateTimeOffset.UnixEpoch)], TestContext.Current.CancellationToken);
            }
        };
        Assert.Null((await workshop.PlanAsync(id, workshop.Storage)).Plan);
        Assert.Empty((await workshop.Objects.ListAsync("albums/", continuation: null, TestContext.Current.CancellationToken)).Objects);
    }

    private async Task AssertPlannedOnceAsync(Guid id)
    {
        var history = await workshop.HistoryAsync(id);
        Assert.Single(history.OfType<PlanFrozen>());
        Assert.Single(history.OfType<AlbumCompleted>());
        Assert.Equal(history.OfType<FileSkipped>().Distinct(), history.OfType<FileSkipped>());
    }
}
