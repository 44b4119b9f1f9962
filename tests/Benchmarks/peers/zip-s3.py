"""zipfile and boto3's managed upload, with a pipe in between: python3 zip-s3.py SETTINGS KEY"""
import json, os, shutil, sys, threading, zipfile
import boto3

settings, key = json.loads(sys.argv[1]), sys.argv[2]
bucket = settings['bucket']
s3 = boto3.client(
    's3', endpoint_url=settings['endpoint'], region_name=settings['region'], verify=settings['caFile'],
    aws_access_key_id=settings['accessKey'], aws_secret_access_key=settings['secretKey'])
reader, writer = os.pipe()
upload = threading.Thread(target=lambda: s3.upload_fileobj(os.fdopen(reader, 'rb'), bucket, key))
upload.start()
with os.fdopen(writer, 'wb') as out, zipfile.ZipFile(out, 'w', zipfile.ZIP_STORED) as album:
    for page in s3.get_paginator('list_objects_v2').paginate(Bucket=bucket, Prefix='sources/'):
        for source in page['Contents']:
            body = s3.get_object(Bucket=bucket, Key=source['Key'])['Body']
            with album.open(source['Key'][len('sources/'):], 'w', force_zip64=True) as entry:
                shutil.copyfileobj(body, entry, 1 << 20)
upload.join()
