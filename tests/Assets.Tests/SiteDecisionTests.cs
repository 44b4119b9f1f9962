using Platform.Events;
using Testing;
using Xunit;

namespace Assets.Tests;

public sealed class SiteDecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private const string Zone = "023e105f4ecef8ad9ca31a8372d0c353";
    private static readonly SiteRegistered Registered = new("music", [new("production"), new("staging")], Now);
    private static readonly SyncStarted First = Sync("production", "aa");
    private static readonly SyncStarted Second = Sync("production", "bb");

    [Fact]
    public void A_site_is_registered_once() => Given().When(site => RegisterSiteHandler.Decide(site, "music", Now)).Then(
        new SiteRegistered("music", [new("production"), new("staging"), new("development")], Now));

    [Theory]
    [InlineData("../index.html")]
    [InlineData("a/../../etc/passwd")]
    [InlineData("a/./b")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a\\b")]
    [InlineData("a\nb")]
    [InlineData("")]
    [InlineData("cafe\u0301.txt")]
    [InlineData("\ufffd.txt")]
    public void Paths_that_are_none_are_refused(string path) => Assert.Equal(
        "INVALID_MANIFEST", Assert.Throws<CommandRefusedException>(() => ReleaseManifest.Of([new AssetFile(path, new string('a', 64), 1, "text/plain")])).Code);

    [Fact]
    public void A_sync_begins_and_the_same_files_go_on_with_it() =>
        Given(Registered).When(site => StartSyncHandler.Decide(site, First)).Then(First);

    [Fact]
    public void Other_files_supersede_it() => Given(Registered, First).When(site => StartSyncHandler.Decide(site, Second)).Then(Second);

    [Fact]
    public void A_sync_is_committed_once() => Given(Registered, First).When(Commit(First)).Then(
        new SyncCompleted(First.SyncId, 1, "production", "aa", 3, 30, Now), new ReleaseActivated(1, "production", "aa", null, Now));

    [Fact]
    public void Releases_are_numbered_on_and_know_the_one_before() =>
        Given(Registered, First, Completed(First, 1), new ReleaseActivated(1, "production", "aa", null, Now), Second).When(Commit(Second)).Then(
            new SyncCompleted(Second.SyncId, 2, "production", "bb", 3, 30, Now), new ReleaseActivated(2, "production", "bb", 1, Now));

    [Fact]
    public void What_was_superseded_is_not_committed() => Given(Registered, First, Second).When(Commit(First)).ThenRefused("SYNC_SUPERSEDED");

    [Fact]
    public void What_never_began_is_not_committed() => Given(Registered).When(Commit(First)).ThenRefused("SYNC_NOT_FOUND");

    [Fact]
    public void A_release_that_is_kept_is_activated_once() =>
        Given([.. TwoReleases]).When(Activate(1)).Then(new ReleaseActivated(1, "production", "aa", 2, Now));

    [Fact]
    public void What_is_served_is_not_activated_again() => Given([.. TwoReleases]).When(Activate(2)).ThenNothing();

    [Fact]
    public void What_is_not_kept_is_not_activated() =>
        Given([.. TwoReleases, new ReleasesDiscarded([1], Now)]).When(Activate(1)).ThenRefused("RELEASE_NOT_FOUND");

    [Fact]
    public void Where_paths_are_public_a_release_is_active_once_they_are_there()
    {
        ISiteEvent[] history = [.. TwoReleases, new EnvironmentConfigured(Publishing, Now)];
        var started = new PublicationStarted(1, Publishing, "aa", Now);
        Given(history).When(Activate(1)).Then(started);
        Given([.. history, started]).When(site => PublishReleaseHandler.Decide(site, started, Now)).Then(new ReleaseActivated(1, "production", "aa", 2, Now));
        var later = new PublicationStarted(2, Publishing, "bb", Now);
        Given([.. history, started, later]).When(site => PublishReleaseHandler.Decide(site, started, Now)).ThenNothing();
        Given([.. history, started]).When(site => ActivateReleaseHandler.Decide(site, "music", 1, new ActivateRelease("production"), Now.AddDays(3)))
            .Then(started with { At = Now.AddDays(3) });
    }

    [Fact]
    public void What_is_public_gets_its_new_headers() => Given([.. TwoReleases])
        .When(site => ConfigureEnvironmentHandler.Decide(site, "music", "production", new([], PublishPaths: true), Now))
        .Then(new EnvironmentConfigured(Publishing, Now), new PublicationStarted(2, Publishing, "bb", Now));

    [Fact]
    public void A_line_feed_at_the_end_belongs_to_nothing()
    {
        foreach (var file in new AssetFile[] { new("a", new string('a', 64) + "\n", 1, "text/plain"), new("a", new string('a', 64), 1, "text/plain\n") })
        {
            Assert.Equal("INVALID_MANIFEST", Assert.Throws<CommandRefusedException>(() => ReleaseManifest.Of([file])).Code);
        }

        Given(Registered).When(site => ConfigureEnvironmentHandler.Decide(site, "music", "production", new([new("*", "no-cache\n")]), Now)).ThenRefused("INVALID_CACHE_RULE");
        Given(Registered).When(site => AllowCdnHostsHandler.Decide(site, "music", new([new CdnHost("a.example.com", Zone + "\n")]), Now)).ThenRefused("INVALID_CDN_HOST");
    }

    [Theory]
    [InlineData("https://music.example.com", Zone)]
    [InlineData("Music.example.com", Zone)]
    [InlineData("*.example.com", Zone)]
    [InlineData("127.0.0.1", Zone)]
    [InlineData("music.example.com", "../../accounts")]
    [InlineData(null, Zone)]
    [InlineData("music.example.com", null)]
    public void What_is_no_host_in_a_zone_is_not_allowed(string? host, string? zone) =>
        Given(Registered).When(site => AllowCdnHostsHandler.Decide(site, "music", new([new CdnHost(host!, zone!)]), Now)).ThenRefused("INVALID_CDN_HOST");

    [Fact]
    public void Hosts_are_allowed_in_place_of_those_before() =>
        Given(Registered, new CdnHostsAllowed([new("music.example.com", Zone)], Now)).When(site => AllowCdnHostsHandler.Decide(site, "music", new([]), Now))
            .Then(new CdnHostsAllowed([], Now));

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(2, new int[0])]
    public void The_newest_releases_and_those_that_are_served_are_kept(int keep, int[] discarded)
    {
        var outcome = Given([.. TwoReleases]).When(site => DiscardReleases.Decide(site, keep, Now));
        if (discarded.Length == 0)
        {
            outcome.ThenNothing();
        }
        else
        {
            outcome.Then(new ReleasesDiscarded(discarded, Now));
        }

        Given([.. TwoReleases, new ReleaseActivated(1, "staging", "aa", null, Now)]).When(site => DiscardReleases.Decide(site, keep, Now)).ThenNothing();
    }

    private static SiteEnvironment Publishing => new("production", [], PublishesPaths: true);

    private static ISiteEvent[] TwoReleases =>
    [
        Registered, First, Completed(First, 1), new ReleaseActivated(1, "production", "aa", null, Now),
        Second, Completed(Second, 2), new ReleaseActivated(2, "production", "bb", 1, Now),
    ];

    private static Func<Site, IReadOnlyList<ISiteEvent>> Activate(int release) =>
        site => ActivateReleaseHandler.Decide(site, "music", release, new ActivateRelease("production"), Now);

    private static Decision<Site, ISiteEvent> Given(params ISiteEvent[] history) => new(AssetsModule.MapEvents, history);

    private static Func<Site, IReadOnlyList<ISiteEvent>> Commit(SyncStarted sync) =>
        site => CommitSyncHandler.Decide(site, new CommitSync(sync.SyncId), Now);

    private static SyncStarted Sync(string environment, string manifest) =>
        new(Guid.CreateVersion7(), environment, manifest, 3, 30, 0, 0, 3, 30, Now);

    private static SyncCompleted Completed(SyncStarted sync, int release) =>
        new(sync.SyncId, release, sync.Environment, sync.ManifestHash, sync.Files, sync.SizeBytes, Now);
}
