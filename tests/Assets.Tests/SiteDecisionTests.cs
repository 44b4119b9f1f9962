using Testing;
using Xunit;

namespace Assets.Tests;

public sealed class SiteDecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly SiteRegistered Registered = new("music", [new("production"), new("staging")], Now);
    private static readonly SyncStarted First = Sync("production", "aa");
    private static readonly SyncStarted Second = Sync("production", "bb");

    [Fact]
    public void A_site_is_registered_once() => Given().When(site => RegisterSiteHandler.Decide(site, "music", Now)).Then(
        new SiteRegistered("music", [new("production"), new("staging"), new("development")], Now));

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

    private static Decision<Site, ISiteEvent> Given(params ISiteEvent[] history) => new(AssetsModule.MapEvents, history);

    private static Func<Site, IReadOnlyList<ISiteEvent>> Commit(SyncStarted sync) =>
        site => CommitSyncHandler.Decide(site, new CommitSync(sync.SyncId), Now);

    private static SyncStarted Sync(string environment, string manifest) =>
        new(Guid.CreateVersion7(), environment, manifest, 3, 30, 0, 0, 3, 30, Now);

    private static SyncCompleted Completed(SyncStarted sync, int release) =>
        new(sync.SyncId, release, sync.Environment, sync.ManifestHash, sync.Files, sync.SizeBytes, Now);
}
