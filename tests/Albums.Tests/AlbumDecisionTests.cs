using Albums.Contracts;
using Albums.Sources;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Events;
using Platform.Http;
using Testing;
using Xunit;

namespace Albums.Tests;

public sealed class AlbumDecisionTests
{
    private static readonly IConfiguration NoSettings = new ConfigurationBuilder().Build();
    private static readonly UrlSource Urls = new(
        new ServiceCollection().AddOutboundHttp(NoSettings).BuildServiceProvider().GetRequiredService<OutboundHttp>(),
        UrlOptions.Read(NoSettings),
        TimeProvider.System);
    private static readonly Guid Id = Guid.CreateVersion7();
    private static readonly DateTimeOffset Now = new(2026, 6, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly AlbumRequested Requested = new("ann-bob", [new RequestedFile("photos/1.jpg", "One.jpg")], null, ["ann@example.com"], Now);
    private static readonly FileSkipped Lacking = new(1, "b.jpg", "it is not in the store", "photos/b.jpg");
    private static readonly AttemptStarted Started = new("node/1", Now);
    private static readonly PlanFrozen Planned = new("albums/x/plan.json", "ab12", 1, 8 << 20, 3, 20 << 20);
    private static readonly MultipartBegun Begun = new("albums/x/ann-bob.zip", "upload-1");
    private static readonly AlbumFailed Failed = new("STORAGE_ERROR", "The store did not answer.", Now);
    private static readonly AlbumCancelled Cancelled = new("eve", Now);
    private static readonly AlbumCompleted Completed = new("ann-bob", "albums/x/ann-bob.zip", 20 << 20, "etag", 3, 0, Now);

    [Fact]
    public void An_album_is_requested_once() =>
        Given().When(album => RequestAlbumHandler.Decide(album, Requested)).Then(Requested);

    [Fact]
    public void A_failed_album_is_replayed() =>
        Given(Requested, Started, Failed).When(Replay).Then(new AlbumReplayed("admin", Now));

    [Fact]
    public void A_running_album_is_not_replayed() => Given(Requested, Started).When(Replay).ThenNothing();

    [Fact]
    public void A_complete_album_that_lacks_nothing_is_not_replayed() => Given(Requested, Started, Planned, Completed).When(Replay).ThenNothing();

    [Fact]
    public void A_complete_album_that_lacks_files_is_replayed() =>
        Given(Requested, Started, Lacking, Planned, Begun, Completed).When(Replay).Then(new AlbumReplayed("admin", Now));

    [Fact]
    public void A_replay_of_a_complete_album_is_cancelled_and_the_album_stays()
    {
        IAlbumEvent[] replayed = [Requested, Started, Lacking, Planned, Begun, Completed, new AlbumReplayed("ann", Now), Started, Planned, Begun];
        IAlbumEvent ended = new ReplayEnded("CANCELLED", "admin", Now);
        Given(replayed).When(RefusedOnceComplete).Then(ended);
        Given([.. replayed, Failed]).When(RefusedOnceComplete).Then(ended);
        Given([.. replayed, Failed]).When(Replay).Then(new AlbumReplayed("admin", Now));
        Given([.. replayed, ended]).When(Cancel).ThenRefused("ALBUM_COMPLETED");

        static IReadOnlyList<IAlbumEvent> RefusedOnceComplete(Album album) => album.Status is AlbumStatus.Completed ? [] : Cancel(album);
    }

    /// <summary>The ZIP of the first edition is kept as long as was announced, whatever becomes of its replay.</summary>
    [Fact]
    public void The_zip_that_stands_expires_when_its_replay_failed()
    {
        var options = new ExpiryOptions(TimeSpan.FromDays(30), TimeSpan.Zero, TimeSpan.FromHours(1));
        IAlbumEvent[] replayed = [Requested, Started, Lacking, Planned, Begun, Completed, new AlbumReplayed("ann", Now), Started];
        Given(replayed).When(Expire).ThenNothing();
        Given([.. replayed, Failed]).When(Expire).Then(new AlbumExpired(Now.AddDays(30)));
        Assert.Equal("/v1/albums/" + Id + "/download", AlbumView.Of(Id, Fold([.. replayed, Failed]), Now).DownloadUrl);

        IReadOnlyList<IAlbumEvent> Expire(Album album) => ExpireAlbums.Decide(album, options, Now.AddDays(30));
    }

    [Fact]
    public void A_cancelled_album_cannot_be_replayed() => Given(Requested, Cancelled).When(Replay).ThenRefused("ALBUM_CANCELLED");

    [Fact]
    public void An_unknown_album_cannot_be_replayed() => Given().When(Replay).ThenRefused("ALBUM_NOT_FOUND");

    [Fact]
    public void A_running_album_is_cancelled() => Given(Requested, Started, Planned).When(Cancel).Then(new AlbumCancelled("admin", Now));

    [Fact]
    public void A_complete_album_cannot_be_cancelled() => Given(Requested, Started, Completed).When(Cancel).ThenRefused("ALBUM_COMPLETED");

    [Fact]
    public void An_album_is_deleted_whatever_it_is_at()
    {
        var deleted = new AlbumDeleted("admin", Now);
        Given(Requested).When(Delete).Then(deleted);
        Given(Requested, Started, Planned, Begun).When(Delete).Then(deleted);
        Given(Requested, Started, Completed).When(Delete).Then(deleted);
        Given(Requested, Started, Failed).When(Delete).Then(deleted);
        Given(Requested, Cancelled).When(Delete).Then(deleted);
        Given().When(Delete).ThenRefused("ALBUM_NOT_FOUND");
    }

    [Fact]
    public void A_deleted_album_is_gone_for_everybody_else()
    {
        var deleted = new AlbumDeleted("admin", Now);
        Given(Requested, Started, Completed, deleted).When(Replay).ThenRefused("ALBUM_GONE");
        Given(Requested, Started, deleted).When(Cancel).ThenRefused("ALBUM_GONE");
    }

    /// <summary>The job and downloads plan at the same time; a replay after the last file was lost plans anew.</summary>
    [Fact]
    public void An_album_is_planned_once()
    {
        var skipped = new FileSkipped(1, "b.jpg", "it is not in the store");
        Given(Requested).When(Plan).Then(skipped, Planned);
        Given(Requested, Started).When(Plan).Then(skipped, Planned);
        Given(Requested, Planned with { PlanHash = "cd34" }, Started).When(Plan).ThenNothing();
        Given(Requested, Cancelled).When(Plan).ThenNothing();
        Given(Requested, Started, skipped, Failed).When(Plan).ThenNothing();
        Given(Requested, Started, skipped, Failed, new AlbumReplayed("admin", Now)).When(Plan).Then(skipped, Planned);

        IReadOnlyList<IAlbumEvent> Plan(Album album) => PlanAlbumHandler.Decide(album, [skipped, Planned]);
    }

    [Fact]
    public void What_was_skipped_counts_once_however_often_the_album_is_planned()
    {
        var skipped = new FileSkipped(1, "b.jpg", "it is not in the store");
        Assert.Single(Fold(Requested, Started, skipped, Failed, new AlbumReplayed("admin", Now), skipped, Planned, Started).Skipped);
        Assert.Single(Fold(Requested, skipped, Planned, Started, Failed, new AlbumReplayed("admin", Now), Started).Skipped);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("../x")]
    [InlineData("ann-bob\n")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345")]
    public void A_wedding_id_is_short_and_plain(string weddingId) => Refused("INVALID_WEDDING_ID", new RequestAlbum(weddingId, null, null, null));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("albums/other/plan.json")]
    [InlineData("a\0b.jpg")]
    public void A_key_must_be_of_a_guests_file(string? key) => Refused("INVALID_FILE", new RequestAlbum("w", [new AlbumFile(key, null, null)], null, null));

    [Theory]
    [InlineData("")]
    [InlineData("albums/")]
    [InlineData("albums")]
    [InlineData("a")]
    [InlineData("a\0b/")]
    public void A_prefix_does_not_reach_other_albums(string prefix) => Refused("INVALID_FILE", new RequestAlbum("w", null, prefix, null));

    [Fact]
    public void A_name_can_be_stored()
    {
        Refused("INVALID_FILE", new RequestAlbum("w", [new AlbumFile("a.jpg", null, "a\0b.jpg")], null, null));
        Refused("INVALID_FILE", new RequestAlbum("w", [new AlbumFile("a.jpg", null, new string('a', 1025))], null, null));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(99_999_999)]
    public void A_volume_is_not_too_small(long maxVolumeBytes) =>
        Refused("INVALID_VOLUME_SIZE", new RequestAlbum("w", null, null, null, maxVolumeBytes));

    [Fact]
    public void Volumes_are_wanted_where_their_size_is_given()
    {
        Assert.Equal(100_000_000, RequestAlbumHandler.Checked(new RequestAlbum("w", null, null, null, 100_000_000), Urls, Now).MaxVolumeBytes);
        Assert.Null(RequestAlbumHandler.Checked(new RequestAlbum("w", null, null, null), Urls, Now).MaxVolumeBytes);
    }

    [Fact]
    public void An_album_of_no_files_is_refused() => Refused("ALBUM_EMPTY", new RequestAlbum("w", [], null, null));

    [Theory]
    [InlineData("nobody")]
    [InlineData("Ann <ann@example.com>")]
    [InlineData("\"ann,bob\"@example.com")]
    public void An_address_to_notify_must_be_one(string email) =>
        Refused("INVALID_EMAIL", new RequestAlbum("w", null, null, new AlbumNotification([email], null)));

    [Theory]
    [InlineData("https://evil.example/a.jpg")]
    [InlineData("http://storage.googleapis.com/a.jpg")]
    [InlineData("/a.jpg")]
    [InlineData("")]
    public void A_url_must_be_of_a_host_that_is_allowed(string url) =>
        Refused("INVALID_FILE", new RequestAlbum("w", [new AlbumFile(null, url, null)], null, null));

    [Fact]
    public void A_file_has_a_key_or_a_url()
    {
        const string url = "https://storage.googleapis.com/a.jpg";
        Refused("INVALID_FILE", new RequestAlbum("w", [new AlbumFile("a.jpg", url, null)], null, null));
        var requested = RequestAlbumHandler.Checked(new RequestAlbum("w", [new AlbumFile(null, url, "b.jpg")], null, null), Urls, Now);
        Assert.Equal(new RequestedFile(null, "b.jpg", url), Assert.Single(requested.Files));
    }

    [Fact]
    public void A_part_sent_again_counts_once()
    {
        var album = Fold(Requested, Started, Planned, Begun, Part(1), Part(2), Part(2), new PartInvalidated(1), Part(1));
        Assert.Equal(2 * (8 << 20), album.StoredBytes);
    }

    [Fact]
    public void A_file_that_is_only_partly_safe_is_underway_and_its_pace_is_known()
    {
        PartStored[] parts =
        [
            Part(1) with { Segments = [new(0, 0, 10, 1), new(1, 0, 10, 1), new(2, 0, 100, 1)], At = Now.AddSeconds(1) },
            Part(2) with { Segments = [new(2, 100, 300, 1)], At = Now.AddSeconds(3) },
        ];
        var album = Fold(Requested, Started, Planned with { At = Now }, Begun, parts[0], new FileZipped(0, 0, 10, 1), new FileZipped(1, 10, 10, 1), parts[1]);
        var view = AlbumView.Of(Id, album, Now.AddSeconds(3));
        var file = Assert.Single(view.Underway);
        Assert.Equal((2, 400), (file.Index, file.DoneBytes));
        Assert.Equal(400 / 3.0, file.BytesPerSecond!.Value, tolerance: 0.01);
        Assert.Equal((16 << 20) / 3.0, view.BytesPerSecond!.Value, tolerance: 100_000);

        var again = Album.Evolve(Album.Evolve(album, new PartInvalidated(2)), parts[1]);
        Assert.Equal(400, Assert.Single(AlbumView.Of(Id, again, Now).Underway).DoneBytes);
        Assert.Empty(AlbumView.Of(Id, Album.Evolve(album, new FileZipped(2, 20, 400, 1)), Now).Underway);
        Assert.Empty(AlbumView.Of(Id, Album.Evolve(album, new Replanned(1, 0)), Now).Underway);
    }

    [Fact]
    public void A_view_names_the_first_missing_files_and_counts_them_all()
    {
        var album = Fold([Requested, Started, .. Enumerable.Range(0, 5000).Select(i => new FileSkipped(i, $"{i}.jpg", "it is not in the store"))]);
        var view = AlbumView.Of(Id, album, Now);
        Assert.Equal((5000, 100), (view.MissingFiles, view.Missing.Count));
    }

    [Fact]
    public void Replanning_keeps_the_parts_before_the_lost_file()
    {
        var album = Fold(Requested, Started, Planned, Begun, Part(1), Part(2), Part(3), new Replanned(FromPart: 2, FilesKept: 1), Planned);
        Assert.Equal([1], album.Parts.Keys);
        Assert.Equal(8 << 20, album.StoredBytes);
        Assert.Equal(1, album.FilesZipped);
    }

    [Fact]
    public void A_new_upload_begins_without_parts()
    {
        var album = Fold(Requested, Started, Planned, Begun, Part(1), Begun with { UploadId = "upload-2" });
        Assert.Empty(album.Parts);
        Assert.Equal(0, album.StoredBytes);
        Assert.Equal("upload-2", album.Upload!.UploadId);
    }

    [Fact]
    public void An_event_of_the_first_API_keeps_its_album_while_it_runs_and_while_its_files_are_the_same()
    {
        var otherFiles = Requested with { Files = [new RequestedFile("photos/2.jpg", null)] };
        Assert.True(ProcessWeddingHandler.Stands(Fold(Requested, Started), otherFiles));
        Assert.True(ProcessWeddingHandler.Stands(Fold(Requested, Started, Completed), Requested));
        Assert.False(ProcessWeddingHandler.Stands(Fold(Requested, Started, Completed), otherFiles));
        Assert.True(ProcessWeddingHandler.Stands(Fold(Requested, Started, Failed), Requested));
        Assert.False(ProcessWeddingHandler.Stands(Fold(Requested, Started, Failed), otherFiles));
        Assert.False(ProcessWeddingHandler.Stands(Fold(Requested, Cancelled), Requested));
    }

    /// <summary>Exceptions name keys, hosts and files of this machine.</summary>
    [Fact]
    public void What_an_exception_said_is_for_admins_only()
    {
        var failed = Failed with { Detail = "/var/lib/weddings/.storage: No space left on device" };
        Assert.StartsWith("The storage did not answer", AlbumView.Of(Id, Fold(Requested, Started, failed), Now).Failure!.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("/var", AlbumLog.WithoutSecrets(failed).ToString(), StringComparison.Ordinal);
    }

    private static Decision<Album, IAlbumEvent> Given(params IAlbumEvent[] history) => new(AlbumsModule.MapEvents, history);

    private static IReadOnlyList<IAlbumEvent> Replay(Album album) => ReplayAlbumHandler.Decide(album, new ReplayAlbum(Id, "admin"), Now);

    private static IReadOnlyList<IAlbumEvent> Cancel(Album album) => CancelAlbumHandler.Decide(album, new CancelAlbum(Id, "admin"), Now);

    private static IReadOnlyList<IAlbumEvent> Delete(Album album) => DeleteAlbumHandler.Decide(album, new DeleteAlbum(Id, "admin"), Now);

    private static void Refused(string code, RequestAlbum command) =>
        Assert.Equal(code, Assert.Throws<CommandRefusedException>(() => RequestAlbumHandler.Checked(command, Urls, Now)).Code);

    private static Album Fold(params IAlbumEvent[] history) => history.Aggregate(Album.Initial, Album.Evolve);

    private static PartStored Part(int number) => new(number, $"etag-{number}", 8 << 20, [new Segment(0, 0, 1, 2)], Now);
}
