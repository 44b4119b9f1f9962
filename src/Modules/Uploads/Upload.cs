namespace Uploads;

/// <summary>What all events of an <c>upload-{id}</c> stream have in common.</summary>
internal interface IUploadEvent;
